/* Works a little, again and again, for as many seconds as its argument says. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) long work(long count)
{
	volatile long sum = 0;

	for (long i = 0; i < count; i++)
		sum += i % 7;
	return sum;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 600;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("up");
	for (long i = 0; i < seconds * 100; i++) {
		work(100000);
		usleep(10000);
	}
	return 0;
}
