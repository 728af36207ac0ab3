// The kernel's own TCP as a server, from C: server ADDRESS FILE. 5001 sends as many bytes of memory as it is asked for (8 bytes,
// big-endian), 5011 of the file by sendfile(2), 5002 takes and drops, 5003 echoes, 8080 answers HTTP with 13 bytes. Bulk has a
// thread for each connection; what is small has one thread for all, with epoll.
#define _GNU_SOURCE
#include "common.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { BACKLOG = 4096, MOST_FILES = 1 << 18 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";
static char memory[MEMORY];
static int file;
static off_t size;

static int listener(const char *address, const char *port, int flags) {
  struct sockaddr_in at = address_of(address, port);
  int one = 1, fd = tcp_socket(flags);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, BACKLOG)) fail("listen");
  return fd;
}

static void send_memory(int fd, uint64_t left) {
  while (left > 0) {
    ssize_t n = send(fd, memory, left < MEMORY ? left : MEMORY, MSG_NOSIGNAL);
    if (n <= 0) return;
    left -= (uint64_t)n;
  }
}

static void send_file(int fd, uint64_t left) {
  off_t at = 0;
  while (left > 0) {
    if (at == size) at = 0;
    uint64_t whole = (uint64_t)(size - at);
    ssize_t n = sendfile(fd, file, &at, left < whole ? left : whole);
    if (n <= 0) return;
    left -= (uint64_t)n;
  }
}

static void drop_all(int fd) {
  static char nothing[MEMORY];
  while (recv(fd, nothing, sizeof nothing, MSG_TRUNC) > 0) continue;
}

struct job {
  int fd, port;
};

static void *serve_bulk(void *argument) {
  struct job job = *(struct job *)argument;
  uint64_t count;
  char end;
  free(argument);
  if (job.port == 5002) drop_all(job.fd);
  else if (recv(job.fd, &count, sizeof count, MSG_WAITALL) == sizeof count) {
    if (job.port == 5001) send_memory(job.fd, be64toh(count));
    else send_file(job.fd, be64toh(count));
    if (recv(job.fd, &end, 1, 0) < 0) perror("the client's end");
  }
  close(job.fd);
  return NULL;
}

static void *accept_bulk(void *argument) {
  struct job listening = *(struct job *)argument;
  for (;;) {
    pthread_t thread;
    struct job *job = malloc(sizeof *job);
    if (!job) fail("malloc");
    job->port = listening.port;
    job->fd = accept4(listening.fd, NULL, NULL, SOCK_CLOEXEC);
    if (job->fd >= 0 && pthread_create(&thread, NULL, serve_bulk, job) == 0) pthread_detach(thread);
    else free(job);
  }
  return NULL;
}

// One read of a connection: 0 when it is to be closed. Requests come whole, from our own client.
static int serve_small(int fd, int http) {
  char bytes[4096];
  ssize_t n = recv(fd, bytes, sizeof bytes, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN;
  if (http) return send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) == sizeof ANSWER - 1;
  return send(fd, bytes, (size_t)n, MSG_NOSIGNAL) == n;
}

static void small(int echo, int http) {
  static char is_http[MOST_FILES];
  struct epoll_event events[256];
  int queue = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < 2; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = i ? http : echo};
    epoll_ctl(queue, EPOLL_CTL_ADD, event.data.fd, &event);
  }
  for (;;) {
    int ready = epoll_wait(queue, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd != echo && fd != http) {
        if (!serve_small(fd, is_http[fd])) close(fd);
        continue;
      }
      for (int new; (new = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = new};
        if (new >= MOST_FILES) {
          close(new);
          continue;
        }
        is_http[new] = fd == http;
        epoll_ctl(queue, EPOLL_CTL_ADD, new, &event);
      }
    }
  }
}

int main(int count, char **words) {
  static const char *const ports[] = {"5001", "5002", "5011"};
  struct stat status;
  end_with_parent();
  raise_file_limit();
  if (count < 3) {
    fputs("usage: server ADDRESS FILE\n", stderr);
    return 2;
  }
  if ((file = open(words[2], O_RDONLY | O_CLOEXEC)) < 0 || fstat(file, &status) || status.st_size == 0) fail("the file");
  size = status.st_size;
  for (int i = 0; i < 3; i++) {
    static struct job jobs[3];
    pthread_t thread;
    jobs[i] = (struct job){listener(words[1], ports[i], 0), atoi(ports[i])};
    // Accepting waits for ever.
    setsockopt(jobs[i].fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 0}, sizeof(struct timeval));
    if (pthread_create(&thread, NULL, accept_bulk, &jobs[i])) fail("pthread_create");
  }
  int echo = listener(words[1], "5003", SOCK_NONBLOCK), http = listener(words[1], "8080", SOCK_NONBLOCK);
  printf("{\"congestion\":\"%s\"}\n", congestion_of(echo));
  fflush(stdout);
  small(echo, http);
}
