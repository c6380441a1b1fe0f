
# A kernel that has no index yet comes in this transaction, and makes one at its end.
if is_there && [ -e "$tree/modules.dep" ]; then is_newer "$tree/modules.dep" || index; fi || :
exit 0
