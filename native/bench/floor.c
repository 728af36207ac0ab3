// The floor: the least that passes for a TCP on a TAP, as a measure of what any stack there could reach. floor TAP FILE [raw]
// One connection at a time; nothing is ever sent twice, there is no timer, no option but MSS and window scale. 5001 and 5011
// send as many bytes of memory, or of the mapped file, as they are asked for (8 bytes, big-endian), as fast as the window
// lets them; 5002 takes, and acknowledges once for each burst of reads. With a virtio-net header: frames of up to 64 KiB, sums
// left to the kernel. `raw`: no header, frames of the MTU, every sum computed and checked here. It answers ARP for any address.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common.h"

enum { MSS = 1460, SUPER = 44 * MSS, WRITES = 8, READS = 64, SCALE = 14, FIRST = 0x1000, ROOM = 1 << 17 };

// What stands before the payload, as it is on the device behind the virtio-net header.
struct head {
  struct ethhdr ether;
  struct iphdr ip;
  struct tcphdr tcp;
  uint8_t options[8];
} __attribute__((packed));

struct arp {
  struct ethhdr ether;
  struct arphdr kind;
  uint8_t from[6], from_ip[4], to[6], to_ip[4];
} __attribute__((packed));

static const uint8_t ADDRESS[6] = {0x02, 0x70, 0x77, 0, 0, 0x0f};
static const uint8_t MSS_AND_SCALE[8] = {TCPOPT_MAXSEG, 4, MSS >> 8, MSS & 255, TCPOPT_NOP, TCPOPT_WINDOW, 3, SCALE};
enum { PLAIN = sizeof(struct head) - sizeof MSS_AND_SCALE };

static int device, raw;
static struct {
  struct head head;          // addresses and ports are set once, at SYN
  uint32_t acknowledged, next, expected, window;
  int scale, owes;           // owes: data came that nothing has acknowledged yet
  uint64_t asked, sent;
  const uint8_t *source;
  size_t span;
} the;

static uint8_t memory[MEMORY];
static const uint8_t *file;
static size_t file_size;

// Ones' complement sums, of words as they lie in memory.
static uint64_t sum(const void *data, size_t length, uint64_t so_far) {
  const uint8_t *byte = data;
  uint32_t four;
  uint16_t two;
  for (; length >= 4; length -= 4, byte += 4) {
    memcpy(&four, byte, 4);
    so_far += four;
  }
  if (length >= 2) {
    memcpy(&two, byte, 2);
    so_far += two;
    byte += 2;
    length -= 2;
  }
  if (length) {
    two = 0;
    memcpy(&two, byte, 1);
    so_far += two;
  }
  return so_far;
}

static uint16_t folded(uint64_t value) {
  while (value >> 16) value = (value & 0xffff) + (value >> 16);
  return (uint16_t)value;
}

static uint64_t pseudo_sum(const struct head *head, size_t length) {
  return sum((const uint8_t *)head + offsetof(struct head, ip.saddr), 8, (uint64_t)htons(IPPROTO_TCP) + htons((uint16_t)length));
}

static void write_frame(struct iovec *parts, int count) {
  while (writev(device, raw ? parts + 1 : parts, raw ? count - 1 : count) < 0) {
    if (errno != EAGAIN && errno != EINTR) fail("writev");
  }
}

static void transmit(uint8_t flags, const uint8_t *payload, size_t length, size_t options) {
  struct virtio_net_hdr card = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
  struct head *head = &the.head;
  size_t segment = sizeof head->tcp + options + length;
  head->ip.tot_len = htons((uint16_t)(sizeof head->ip + segment));
  head->ip.check = 0;
  head->ip.check = (uint16_t)~folded(sum(&head->ip, sizeof head->ip, 0));
  head->tcp.seq = htonl(the.next);
  head->tcp.ack_seq = htonl(the.expected);
  head->tcp.doff = (unsigned)((sizeof head->tcp + options) / 4) & 15;
  ((uint8_t *)&head->tcp)[13] = flags;
  // A TAP queues a thousand frames: without segmentation offload the window stays below.
  head->tcp.window = htons(flags & TH_SYN ? 65535 : raw ? 56 : 256);
  head->tcp.check = folded(pseudo_sum(head, segment));
  if (raw) {
    uint64_t all = sum(&head->tcp, sizeof head->tcp + options, 0);
    head->tcp.check = (uint16_t)~folded(sum(payload, length, all));
  }
  card.csum_start = ETH_HLEN + sizeof head->ip;
  card.csum_offset = offsetof(struct tcphdr, check);
  card.hdr_len = (uint16_t)(PLAIN + options);
  if (length > MSS) {
    card.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    card.gso_size = MSS;
  }
  struct iovec parts[3] = {{&card, sizeof card}, {head, PLAIN + options}, {(void *)payload, length}};
  write_frame(parts, length ? 3 : 2);
}

static void answer_arp(const struct arp *asked, size_t length) {
  struct virtio_net_hdr card = {0};
  struct arp answer;
  if (length < sizeof *asked || asked->kind.ar_op != htons(ARPOP_REQUEST)) return;
  answer = *asked;
  memcpy(answer.ether.h_dest, asked->ether.h_source, 6);
  memcpy(answer.ether.h_source, ADDRESS, 6);
  answer.kind.ar_op = htons(ARPOP_REPLY);
  memcpy(answer.from, ADDRESS, 6);
  memcpy(answer.from_ip, asked->to_ip, 4);
  memcpy(answer.to, asked->from, 6);
  memcpy(answer.to_ip, asked->from_ip, 4);
  struct iovec parts[2] = {{&card, sizeof card}, {&answer, sizeof answer}};
  write_frame(parts, 2);
}

// The options lie within the frame: the caller has looked.
static int scale_of(const struct head *syn) {
  const uint8_t *tcp = (const uint8_t *)&syn->tcp, *at = tcp + sizeof syn->tcp, *end = tcp + syn->tcp.doff * 4;
  while (at < end && *at != TCPOPT_EOL) {
    if (*at == TCPOPT_NOP) at++;
    else if (at + 2 > end || at[1] < 2) break;
    else if (*at == TCPOPT_WINDOW && at + 3 <= end) return at[2] > 14 ? 14 : at[2];
    else at += at[1];
  }
  return 0;
}

static void begin(const struct head *syn) {
  struct head *head = &the.head;
  int port = ntohs(syn->tcp.dest);
  memset(&the, 0, sizeof the);
  memcpy(head->ether.h_dest, syn->ether.h_source, 6);
  memcpy(head->ether.h_source, ADDRESS, 6);
  head->ether.h_proto = htons(ETH_P_IP);
  head->ip.version = 4;
  head->ip.ihl = 5;
  head->ip.ttl = 64;
  head->ip.protocol = IPPROTO_TCP;
  head->ip.saddr = syn->ip.daddr;
  head->ip.daddr = syn->ip.saddr;
  head->tcp.source = syn->tcp.dest;
  head->tcp.dest = syn->tcp.source;
  memcpy(head->options, MSS_AND_SCALE, sizeof head->options);
  the.scale = scale_of(syn);
  the.window = ntohs(syn->tcp.window);
  the.expected = ntohl(syn->tcp.seq) + 1;
  the.acknowledged = the.next = FIRST;
  the.source = port == 5011 ? file : memory;
  the.span = port == 5011 ? file_size : sizeof memory;
  transmit(TH_SYN | TH_ACK, NULL, 0, sizeof head->options);
  the.next++;
}

static void take_segment(const struct head *in, size_t frame) {
  const uint8_t *payload = (const uint8_t *)&in->tcp + in->tcp.doff * 4;
  size_t segment = ntohs(in->ip.tot_len) - sizeof in->ip, offset = in->tcp.doff * 4u;
  if (in->ip.ihl != 5 || ntohs(in->ip.tot_len) + (size_t)ETH_HLEN > frame || offset < sizeof in->tcp || offset > segment) return;
  if (raw && folded(sum(&in->tcp, segment, pseudo_sum(in, segment))) != 0xffff) return;
  if (in->tcp.syn) {
    begin(in);
    return;
  }
  if (in->tcp.source != the.head.tcp.dest || in->tcp.dest != the.head.tcp.source) return;
  size_t length = segment - offset;
  the.window = (uint32_t)ntohs(in->tcp.window) << the.scale;
  if ((int32_t)(ntohl(in->tcp.ack_seq) - the.acknowledged) > 0) the.acknowledged = ntohl(in->tcp.ack_seq);
  if (in->tcp.rst) {
    the.asked = the.sent;
    return;
  }
  if (length >= 8 && the.asked == 0 && in->tcp.dest != htons(5002))
    for (int i = 0; i < 8; i++) the.asked = the.asked << 8 | payload[i];
  if (ntohl(in->tcp.seq) == the.expected) the.expected += (uint32_t)length + in->tcp.fin;
  if (in->tcp.fin) {
    the.asked = the.sent;
    transmit(TH_FIN | TH_ACK, NULL, 0, 0);
  } else if (length > 0) the.owes = 1;
}

static void take(const uint8_t *frame, size_t length) {
  const struct ethhdr *ether = (const struct ethhdr *)frame;
  if (length < sizeof *ether) return;
  if (ether->h_proto == htons(ETH_P_ARP)) answer_arp((const struct arp *)frame, length);
  else if (ether->h_proto == htons(ETH_P_IP) && length >= PLAIN) {
    const struct head *in = (const struct head *)frame;
    if (in->ip.protocol == IPPROTO_TCP) take_segment(in, length);
  }
}

// As many frames as a burst has, or the window allows. 0 when nothing could be sent.
static int send_burst(void) {
  int frames = 0;
  for (int most = raw ? READS : WRITES; frames < most && the.asked > the.sent; frames++) {
    uint32_t flying = the.next - the.acknowledged;
    size_t room = the.window > flying ? the.window - flying : 0, at = the.sent % the.span, length = raw ? MSS : SUPER;
    uint64_t left = the.asked - the.sent;
    if (room < MSS && room < left) break;
    if (length > room) length = room < left ? room / MSS * MSS : room;
    if (length > the.span - at) length = the.span - at;
    if (length > left) length = left;
    transmit(TH_ACK, the.source + at, length, 0);
    the.next += (uint32_t)length;
    the.sent += length;
  }
  return frames;
}

static void attach(const char *name) {
  struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (raw ? 0 : IFF_VNET_HDR))};
  int header = sizeof(struct virtio_net_hdr), queue = 64 << 20;
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if ((device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0 || ioctl(device, TUNSETIFF, &request)) fail("the TAP");
  if (!raw && ioctl(device, TUNSETVNETHDRSZ, &header)) fail("TUNSETVNETHDRSZ");
  if (ioctl(device, TUNSETOFFLOAD, raw ? 0 : TUN_F_CSUM | TUN_F_TSO4)) fail("TUNSETOFFLOAD");
  ioctl(device, TUNSETSNDBUF, &queue);
}

static void map_file(const char *path) {
  struct stat status;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status)) fail("the file");
  file_size = (size_t)status.st_size;
  file = mmap(NULL, file_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (file == MAP_FAILED) fail("mmap");
}

int main(int count, char **words) {
  static uint8_t in[ROOM];
  size_t header;
  end_with_parent();
  if (count < 3) {
    fputs("usage: floor TAP FILE [raw]\n", stderr);
    return 2;
  }
  raw = count > 3;
  header = raw ? 0 : sizeof(struct virtio_net_hdr);
  map_file(words[2]);
  attach(words[1]);
  puts("{}");
  fflush(stdout);
  for (;;) {
    if (!send_burst()) {
      struct pollfd waiting = {.fd = device, .events = POLLIN};
      poll(&waiting, 1, 1000);
    }
    for (int i = 0; i < READS; i++) {
      ssize_t n = read(device, in, sizeof in);
      if (n <= (ssize_t)header) break;
      take(in + header, (size_t)n - header);
    }
    if (the.owes) {
      the.owes = 0;
      transmit(TH_ACK, NULL, 0, 0);
    }
  }
}
