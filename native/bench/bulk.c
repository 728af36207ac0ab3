// Bulk transfers from the client's side. Receiving: the server gets a count of 8 bytes and sends so many bytes, which are
// dropped unread (MSG_TRUNC). Sending: so many bytes from memory, then the end, until the server has closed. A trial finds
// how much fits the time; one transfer of that size is measured.
#define _GNU_SOURCE
#include "common.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 1 << 20, WRITE = 1 << 18, MOST_FLOWS = 64 };

struct flow {
  int fd, receiving;
  uint64_t count, done;
  const char *error;
  pthread_t thread;
};

static void receive_all(struct flow *flow) {
  // With MSG_TRUNC nothing is written here.
  static char nothing[PIECE];
  while (flow->done < flow->count) {
    ssize_t n = recv(flow->fd, nothing, sizeof nothing, MSG_TRUNC);
    if (n <= 0) {
      flow->error = n ? strerror(errno) : "the server closed early";
      return;
    }
    flow->done += (uint64_t)n;
  }
}

static void send_all(struct flow *flow) {
  static char memory[WRITE];
  char end;
  while (flow->done < flow->count) {
    uint64_t left = flow->count - flow->done;
    ssize_t n = send(flow->fd, memory, left < WRITE ? left : WRITE, MSG_NOSIGNAL);
    if (n <= 0) {
      flow->error = strerror(errno);
      return;
    }
    flow->done += (uint64_t)n;
  }
  // The server's end says that it has read everything.
  shutdown(flow->fd, SHUT_WR);
  ssize_t n = recv(flow->fd, &end, 1, 0);
  if (n != 0) flow->error = n < 0 ? strerror(errno) : "the sink said something";
}

static void *run_flow(void *argument) {
  struct flow *flow = argument;
  if (flow->receiving) receive_all(flow);
  else send_all(flow);
  return NULL;
}

static double transfer(struct flow *flow, int flows, int receiving, const struct sockaddr_in *to, uint64_t count,
                       struct meter *from, struct meter *until) {
  for (int i = 0; i < flows; i++) {
    memset(&flow[i], 0, sizeof flow[i]);
    flow[i].receiving = receiving;
    flow[i].count = count;
    if ((flow[i].fd = tcp_connect(to)) < 0) fail("connect");
  }
  meter_read(from);
  double started = now();
  for (int i = 0; i < flows; i++) {
    uint64_t wire = htobe64(count);
    if (receiving && send(flow[i].fd, &wire, sizeof wire, MSG_NOSIGNAL) != sizeof wire) fail("send");
    if (pthread_create(&flow[i].thread, NULL, run_flow, &flow[i])) fail("pthread_create");
  }
  for (int i = 0; i < flows; i++) pthread_join(flow[i].thread, NULL);
  double took = now() - started;
  meter_read(until);
  for (int i = 0; i < flows; i++) {
    errno = 0;
    if (flow[i].error) fail(flow[i].error);
    close(flow[i].fd);
  }
  return took;
}

int bulk_main(int receiving, const struct sockaddr_in *to, double seconds, int flows) {
  static struct flow flow[MOST_FLOWS];
  struct meter from, until;
  if (flows < 1 || flows > MOST_FLOWS) fail("1 to 64 flows");
  uint64_t count = (16u << 20) / (unsigned)flows, trials = count;
  double took = transfer(flow, flows, receiving, to, count, &from, &until);
  // The first one includes slow start; a longer one says more, where there is time.
  double longer = seconds < 0.4 ? seconds : 0.4;
  if (took < longer / 2) {
    count = (uint64_t)((double)count / took * longer / 2);
    trials += count;
    took = transfer(flow, flows, receiving, to, count, &from, &until);
  }
  count = (uint64_t)((double)count / took * seconds);
  if (count < 1u << 20) count = 1u << 20;
  if (count > 64ull << 30) count = 64ull << 30;
  took = transfer(flow, flows, receiving, to, count, &from, &until);
  printf("{");
  meter_print(&from, &until, took);
  unsigned long long all = (unsigned long long)flows;
  printf("\"bytes\":%llu,\"total\":%llu}\n", count * all, (count + trials) * all);
  return 0;
}
