// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

int lender_number(void);

int lender_number(void)
{
	return 42;
}
EXPORT_SYMBOL_GPL(lender_number);

MODULE_DESCRIPTION("Exports a symbol");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
