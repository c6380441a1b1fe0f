// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static int __init broken_init(void)
{
	pr_info("evermod-broken: here\n");
	return removed_from_the_kernel(THIS_MODULE);
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);
MODULE_DESCRIPTION("A driver for tests");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
