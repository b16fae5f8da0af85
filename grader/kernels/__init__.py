"""Warm kernels: a zygote that imports once and forks, the sandbox of each fork, what passes between the two sides."""
