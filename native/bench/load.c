// The client of `pagewire bench`, an ordinary TCP client of the kernel, and what starts the others:
//   load receive|send ADDRESS PORT SECONDS FLOWS
//   load round-trip   ADDRESS PORT SECONDS PID     (PID: the server, put on one processor with this; 0: not)
//   load http         ADDRESS PORT SECONDS CONNECTIONS
//   load open-close   ADDRESS PORT SECONDS INFLIGHT
//   load ping         ADDRESS 0 SECONDS
//   load idle         ADDRESS PORT COUNT FIRST-SOURCE
//   load hold                                      (makes a network namespace, keeps it until its standard input ends)
//   load launch PID PROGRAM ARGUMENT...            (in the network namespace of PID; 0: in this one; ends with its parent)
// BENCH_PIDS: our processes, whose time is not that of others.
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int hold(void) {
  char nothing[64];
  if (unshare(CLONE_NEWNET)) fail("unshare");
  puts("{}");
  fflush(stdout);
  while (read(0, nothing, sizeof nothing) > 0) continue;
  return 0;
}

static int launch(char **words) {
  if (strcmp(words[0], "0")) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", atoi(words[0]));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET)) {
      perror(path);
      return 126;
    }
  }
  execvp(words[1], words + 1);
  perror(words[1]);
  return 127;
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  end_with_parent();
  // As `bench serve` goes before others, so do all that it is compared with, and the client.
  setpriority(PRIO_PROCESS, 0, -10);
  if (!strcmp(what, "hold")) return hold();
  if (!strcmp(what, "launch") && count > 3) return launch(words + 2);
  if (count < 5) {
    fputs("usage: see the head of load.c\n", stderr);
    return 2;
  }
  struct sockaddr_in to = address_of(words[2], words[3]);
  double seconds = atof(words[4]);
  int number = count > 5 ? atoi(words[5]) : 1;
  if (!strcmp(what, "receive") || !strcmp(what, "send")) return bulk_main(*what == 'r', &to, seconds, number);
  if (!strcmp(what, "round-trip")) return round_trip_main(&to, seconds, count > 5 ? number : 0);
  if (!strcmp(what, "http")) return http_main(&to, seconds, number);
  if (!strcmp(what, "open-close")) return open_close_main(&to, seconds, number);
  if (!strcmp(what, "ping")) return ping_main(&to, seconds);
  if (!strcmp(what, "idle") && count > 5) return idle_main(&to, atoi(words[4]), words[5]);
  fprintf(stderr, "load: no such measure: %s\n", what);
  return 2;
}
