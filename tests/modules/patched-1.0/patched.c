// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static int __init patched_init(void)
{
	pr_info("evermod-patched: here\n");
	return not_there_without_the_patch();
}

static void __exit patched_exit(void)
{
}

module_init(patched_init);
module_exit(patched_exit);
MODULE_DESCRIPTION("A driver for tests");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
