/* The address of a kernel function. In C because /proc/kallsyms comes in a thousand small pieces,
 * and between any two of them Python would wait for its other threads.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* 0 where there is no such symbol of the kernel proper, or its address is hidden. The file is made as
 * it is read, in the order of addresses: reading ends at the symbol.
 */
uint64_t pg_symbol_address(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], found[256], type;
	unsigned long long address = 0, at;

	if (!file)
		return 0;
	while (!address && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx %c %255s", &at, &type, found) == 3 && !strcmp(found, name))
			address = at;
	fclose(file);
	return address;
}
