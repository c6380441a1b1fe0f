// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static int __init stamped_init(void)
{
	pr_info("evermod-stamped: %s, built on %s at %s\n", __FILE__, __DATE__, __TIME__);
	return 0;
}

static void __exit stamped_exit(void)
{
}

module_init(stamped_init);
module_exit(stamped_exit);
MODULE_DESCRIPTION("A driver that would like to tell when and where it was built");
MODULE_VERSION("1.0");
MODULE_LICENSE("GPL");
