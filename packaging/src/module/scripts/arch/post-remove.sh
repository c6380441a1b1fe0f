
put_back || :
exit 0
