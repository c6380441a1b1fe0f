// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static int __init excluded_init(void)
{
	pr_info("evermod-excluded: here\n");
	return 0;
}

static void __exit excluded_exit(void)
{
}

module_init(excluded_init);
module_exit(excluded_exit);
MODULE_DESCRIPTION("A driver for tests");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
