// HTTP/1.1 with keep-alive: each connection has one request on its way, and asks again when the answer is whole. An answer's
// length follows from its Content-Length; the status has to be 200.
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 8192, MOST_CONNECTIONS = 4096, MOST_TIMES = 1 << 20 };

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

struct connection {
  int fd;
  size_t got;
  uint64_t asked;
  char text[ROOM];
};

static void ask(struct connection *c) {
  c->got = 0;
  c->asked = nanoseconds();
  if (send(c->fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != sizeof REQUEST - 1) fail("send");
}

// The length of the whole answer, or 0 while its head is not whole.
static size_t length_of(struct connection *c) {
  c->text[c->got] = 0;
  char *end = strstr(c->text, "\r\n\r\n");
  if (!end) return 0;
  char *field = strcasestr(c->text, "\r\ncontent-length:");
  errno = 0;
  if (strncmp(c->text, "HTTP/1.1 200 ", 13) || !field || field > end) fail("an answer that is none");
  return (size_t)(end + 4 - c->text) + (size_t)atol(field + 17);
}

// 1 when the answer has come.
static int answered(struct connection *c) {
  ssize_t n = recv(c->fd, c->text + c->got, ROOM - 1 - c->got, 0);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n == 0) errno = 0;
  if (n <= 0) fail("the server closed");
  c->got += (size_t)n;
  size_t whole = length_of(c);
  errno = 0;
  if (whole && c->got > whole) fail("more than an answer");
  return whole && c->got == whole;
}

int http_main(const struct sockaddr_in *to, double seconds, int connections) {
  static struct epoll_event events[256];
  struct meter from, until;
  size_t count = 0, first = 0;
  int queue = epoll_create1(EPOLL_CLOEXEC);
  if (connections < 1 || connections > MOST_CONNECTIONS) fail("1 to 4096 connections");
  struct connection *all = calloc((size_t)connections, sizeof *all);
  uint64_t *taken = malloc(MOST_TIMES * sizeof *taken);
  if (!all || !taken) fail("malloc");
  for (int i = 0; i < connections; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if ((all[i].fd = tcp_connect(to)) < 0) fail("connect");
    epoll_ctl(queue, EPOLL_CTL_ADD, all[i].fd, &event);
  }
  for (int i = 0; i < connections; i++) ask(&all[i]);
  // A third of the time is for compilers and caches to get warm.
  double started = now(), measured = started + seconds / 3;
  int warm = 0;
  while (now() < measured + seconds) {
    int ready = epoll_wait(queue, events, 256, 3000);
    errno = 0;
    if (ready <= 0) fail("no answer for 3 s");
    if (!warm && now() >= measured) {
      warm = 1;
      first = count;
      meter_read(&from);
      measured = now();
    }
    for (int i = 0; i < ready; i++) {
      struct connection *c = &all[events[i].data.u32];
      if (!answered(c)) continue;
      if (count - first < MOST_TIMES) taken[count - first] = nanoseconds() - c->asked;
      count++;
      ask(c);
    }
  }
  double took = now() - measured;
  meter_read(&until);
  count -= first;
  errno = 0;
  if (!warm || count == 0) fail("no answers");
  printf("{");
  meter_print(&from, &until, took);
  latencies_print(taken, count < MOST_TIMES ? count : MOST_TIMES);
  printf("\"count\":%zu}\n", count);
  return 0;
}
