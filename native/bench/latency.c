// Round trips: one byte that is echoed over TCP, and ICMP echo requests over a raw socket.
#define _GNU_SOURCE
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { WARM = 2000, MOST = 1 << 20, PINGS = 100000 };

// All threads of a process, and so the stack's, onto the processors of `set`.
static void place(int pid, const cpu_set_t *set) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *folder = opendir(path);
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder));) {
    int thread = atoi(entry->d_name);
    if (thread > 0) sched_setaffinity(thread, sizeof *set, set);
  }
  closedir(folder);
}

static int echo(int fd) {
  char byte = 'a';
  return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1 && byte == 'a';
}

// `server`: the process on whose processor this one runs, too; 0 leaves that to the scheduler.
int round_trip_main(const struct sockaddr_in *to, double seconds, int server) {
  cpu_set_t before, one;
  struct meter from, until;
  size_t count = 0;
  int broken = 0, fd;
  uint64_t *taken = malloc(MOST * sizeof *taken);
  if (!taken) fail("malloc");
  sched_getaffinity(0, sizeof before, &before);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  if (server) {
    place(server, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  if ((fd = tcp_connect(to)) < 0) fail("connect");
  double limit = now() + seconds;
  for (int i = 0; i < WARM && !broken && now() < limit; i++) broken = !echo(fd);
  meter_read(&from);
  double started = now();
  while (!broken && count < MOST && now() - started < seconds) {
    uint64_t sent = nanoseconds();
    broken = !echo(fd);
    taken[count++] = nanoseconds() - sent;
  }
  double took = now() - started;
  meter_read(&until);
  if (server) place(server, &before);
  if (broken || count == 0) fail("the echo broke");
  printf("{");
  meter_print(&from, &until, took);
  latencies_print(taken, count);
  printf("\"count\":%zu}\n", count);
  return 0;
}

static uint16_t sum_of(const void *data, size_t length) {
  const uint16_t *word = data;
  uint32_t sum = 0;
  for (; length > 1; length -= 2) sum += *word++;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

// One request after the other. Lost ones are counted.
int ping_main(const struct sockaddr_in *to, double seconds) {
  struct {
    struct icmphdr head;
    uint8_t payload[56];
  } request = {.head = {.type = ICMP_ECHO}};
  struct timeval limit = {1, 0};
  struct meter from, until;
  size_t count = 0, lost = 0;
  uint64_t *taken = malloc(PINGS * sizeof *taken);
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  if (!taken || fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to)) fail("a raw socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  request.head.un.echo.id = (uint16_t)getpid();
  meter_read(&from);
  double started = now();
  for (uint16_t sequence = 0; count < PINGS && now() - started < seconds && lost < 5; sequence++) {
    request.head.un.echo.sequence = sequence;
    request.head.checksum = 0;
    request.head.checksum = sum_of(&request, sizeof request);
    uint64_t sent = nanoseconds();
    if (send(fd, &request, sizeof request, 0) < 0) fail("send");
    for (;;) {
      uint8_t packet[256];
      struct icmphdr head;
      ssize_t n = recv(fd, packet, sizeof packet, 0);
      if (n < 0) {
        lost++;
        break;
      }
      size_t behind = (size_t)(packet[0] & 15) * 4;
      if ((size_t)n < behind + sizeof head) continue;
      memcpy(&head, packet + behind, sizeof head);
      if (head.type != ICMP_ECHOREPLY || head.un.echo.id != request.head.un.echo.id) continue;
      if (head.un.echo.sequence != sequence) continue;
      taken[count++] = nanoseconds() - sent;
      break;
    }
  }
  double took = now() - started;
  meter_read(&until);
  errno = 0;
  if (count == 0) fail("no answer");
  printf("{");
  meter_print(&from, &until, took);
  latencies_print(taken, count);
  printf("\"count\":%zu,\"lost\":%zu}\n", count, lost);
  return 0;
}
