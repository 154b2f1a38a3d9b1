"""Full disks, killed processes, what journals still hold."""
