// Connections for their own sake: opened, used for a byte each way and closed cleanly, so many per second; and many that
// are open and idle, of which some are asked afterwards whether they still live.
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_INFLIGHT = 1024, MOST_TIMES = 1 << 20, PER_SOURCE = 20000, ASKED = 500 };
enum stage { CONNECTING, ECHOING, CLOSING };

struct slot {
  int fd;
  enum stage stage;
  uint64_t started;
};

static int open_slot(int queue, struct slot *slot, uint32_t index, const struct sockaddr_in *to) {
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
  slot->stage = CONNECTING;
  slot->started = nanoseconds();
  if ((slot->fd = tcp_socket(SOCK_NONBLOCK)) < 0) return 0;
  if ((connect(slot->fd, (const struct sockaddr *)to, sizeof *to) == 0 || errno == EINPROGRESS) &&
      epoll_ctl(queue, EPOLL_CTL_ADD, slot->fd, &event) == 0)
    return 1;
  close(slot->fd);
  return 0;
}

// 1: closed cleanly; -1: failed; 0: goes on.
static int advance(int queue, struct slot *slot, uint32_t index) {
  char byte = 'a';
  if (slot->stage == CONNECTING) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (send(slot->fd, &byte, 1, MSG_NOSIGNAL) != 1) return -1;
    epoll_ctl(queue, EPOLL_CTL_MOD, slot->fd, &event);
    slot->stage = ECHOING;
    return 0;
  }
  ssize_t n = recv(slot->fd, &byte, 1, 0);
  if (n < 0 && errno == EAGAIN) return 0;
  if (slot->stage == CLOSING) return n == 0 ? 1 : -1;
  if (n != 1) return -1;
  shutdown(slot->fd, SHUT_WR);
  slot->stage = CLOSING;
  return 0;
}

int open_close_main(const struct sockaddr_in *to, double seconds, int inflight) {
  static struct slot slots[MOST_INFLIGHT];
  struct epoll_event events[64];
  struct meter from, until;
  size_t count = 0, failed = 0;
  int live = 0, queue = epoll_create1(EPOLL_CLOEXEC);
  uint64_t *taken = malloc(MOST_TIMES * sizeof *taken);
  if (inflight < 1 || inflight > MOST_INFLIGHT || !taken) fail("1 to 1024 in flight");
  meter_read(&from);
  double started = now(), last = started;
  for (int i = 0; i < inflight; i++) {
    if (open_slot(queue, &slots[i], (uint32_t)i, to)) live++;
    else failed++;
  }
  while (live > 0 && now() < started + seconds + 3) {
    int ready = epoll_wait(queue, events, 64, 200);
    for (int i = 0; i < ready; i++) {
      struct slot *slot = &slots[events[i].data.u32];
      int ended = advance(queue, slot, events[i].data.u32);
      if (ended == 0) continue;
      close(slot->fd);
      live--;
      if (ended < 0) failed++;
      else {
        last = now();
        if (count < MOST_TIMES) taken[count] = nanoseconds() - slot->started;
        count++;
      }
      if (now() >= started + seconds) continue;
      if (open_slot(queue, slot, events[i].data.u32, to)) live++;
      else failed++;
    }
  }
  meter_read(&until);
  errno = 0;
  if (count == 0) fail("no connection was opened and closed");
  printf("{");
  meter_print(&from, &until, last - started);
  latencies_print(taken, count < MOST_TIMES ? count : MOST_TIMES);
  printf("\"count\":%zu,\"failed\":%zu,\"stuck\":%d}\n", count, failed, live);
  return 0;
}

// Opens `count` connections, the first 20,000 from `first_source` and so on by address; says so, waits for a line on standard
// input, asks some of them, says how many answered, and waits for the next line before it leaves.
int idle_main(const struct sockaddr_in *to, int count, const char *first_source) {
  struct sockaddr_in source = {.sin_family = AF_INET};
  int open = 0, alive = 0, one = 1;
  char line[16];
  raise_file_limit();
  int *fds = calloc((size_t)count, sizeof *fds);
  if (!fds || inet_pton(AF_INET, first_source, &source.sin_addr) != 1) fail("no address");
  uint32_t base = ntohl(source.sin_addr.s_addr);
  double started = now();
  for (; open < count && now() - started < 120; open++) {
    int fd = tcp_socket(0);
    source.sin_addr.s_addr = htonl(base + (uint32_t)(open / PER_SOURCE));
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&source, sizeof source)) fail("bind");
    if (connect(fd, (const struct sockaddr *)to, sizeof *to)) fail("connect");
    fds[open] = fd;
  }
  printf("{\"open\":%d,\"seconds\":%.3f}\n", open, now() - started);
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin)) return 1;
  int asked = open < ASKED ? open : ASKED;
  for (int i = 0; i < asked; i++) {
    char byte = 'z';
    int fd = fds[(size_t)i * (size_t)open / (size_t)asked];
    if (send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1) alive++;
  }
  printf("{\"asked\":%d,\"alive\":%d}\n", asked, alive);
  fflush(stdout);
  return fgets(line, sizeof line, stdin) ? 0 : 1;
}
