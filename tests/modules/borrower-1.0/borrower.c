// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

int lender_number(void);

static int __init borrower_init(void)
{
	return lender_number() == 42 ? 0 : -EINVAL;
}

static void __exit borrower_exit(void)
{
}

module_init(borrower_init);
module_exit(borrower_exit);
MODULE_DESCRIPTION("Uses a symbol of another package");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
