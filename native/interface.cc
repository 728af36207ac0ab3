// netdevice ioctls, getifaddrs, and one request of rtnetlink.

#include "interface.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
// After the C library's headers: the kernel's then leaves out what they define.
#include <linux/if.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "arguments.h"

namespace pagewire {

namespace {

// A socket to ask through, for the length of one call.
class Asker {
 public:
  explicit Asker(int family) : fd_(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)), error_(fd_ < 0 ? -errno : 0) {}
  ~Asker() {
    if (fd_ >= 0) close(fd_);
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  int Ask(unsigned long request, void* argument) {
    if (fd_ < 0) return error_;
    return ioctl(fd_, request, argument) < 0 ? -errno : 0;
  }

 private:
  int fd_;
  int error_;
};

bool Named(const Napi::CallbackInfo& info, ifreq* request) {
  const std::string name = Text(info, 0);
  if (name.empty() || name.size() >= sizeof request->ifr_name) return false;
  memset(request, 0, sizeof *request);
  memcpy(request->ifr_name, name.c_str(), name.size());
  return true;
}

// interfaceInfo(name): { index, flags, mtu, txQueueLength, hardwareType, hardwareAddress } or a negative errno.
Napi::Value Info(const Napi::CallbackInfo& info) {
  ifreq request{};
  if (!Named(info, &request)) return Number(info, -EINVAL);
  Asker asker(AF_INET);
  int error = asker.Ask(SIOCGIFINDEX, &request);
  if (error < 0) return Number(info, error);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("index", request.ifr_ifindex);
  if ((error = asker.Ask(SIOCGIFFLAGS, &request)) < 0) return Number(info, error);
  result.Set("flags", static_cast<uint16_t>(request.ifr_flags));
  if ((error = asker.Ask(SIOCGIFMTU, &request)) < 0) return Number(info, error);
  result.Set("mtu", request.ifr_mtu);
  if ((error = asker.Ask(SIOCGIFTXQLEN, &request)) < 0) return Number(info, error);
  result.Set("txQueueLength", request.ifr_qlen);
  if ((error = asker.Ask(SIOCGIFHWADDR, &request)) < 0) return Number(info, error);
  result.Set("hardwareType", request.ifr_hwaddr.sa_family);
  unsigned char bytes[6];
  memcpy(bytes, request.ifr_hwaddr.sa_data, sizeof bytes);
  char text[18];
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
  result.Set("hardwareAddress", std::string(text));
  return result;
}

// interfaceSetFlags(name, set, clear): IFF_ flags.
Napi::Value SetFlags(const Napi::CallbackInfo& info) {
  ifreq request{};
  if (!Named(info, &request)) return Number(info, -EINVAL);
  Asker asker(AF_INET);
  const int error = asker.Ask(SIOCGIFFLAGS, &request);
  if (error < 0) return Number(info, error);
  const unsigned flags = static_cast<uint16_t>(request.ifr_flags);
  request.ifr_flags = static_cast<short>((flags | Uint(info, 1)) & ~Uint(info, 2));
  return Number(info, asker.Ask(SIOCSIFFLAGS, &request));
}

// interfaceSetMtu(name, bytes)
Napi::Value SetMtu(const Napi::CallbackInfo& info) {
  ifreq request{};
  if (!Named(info, &request)) return Number(info, -EINVAL);
  request.ifr_mtu = Int(info, 1);
  return Number(info, Asker(AF_INET).Ask(SIOCSIFMTU, &request));
}

// Sets one 32-bit attribute of an interface by rtnetlink(7): 0 or a negative errno.
int SetLinkAttribute(int index, unsigned short type, uint32_t value) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
    rtattr attribute;
    uint32_t value;
  } request{};
  static_assert(sizeof request == NLMSG_LENGTH(sizeof(ifinfomsg)) + RTA_LENGTH(sizeof value), "no padding");
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_family = AF_UNSPEC;
  request.link.ifi_index = index;
  request.attribute.rta_type = type;
  request.attribute.rta_len = RTA_LENGTH(sizeof value);
  request.value = value;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[512];
  } answer{};
  // The kernel answers within the send, so that the receive never waits.
  const bool done = send(fd, &request, sizeof request, 0) >= 0 && recv(fd, &answer, sizeof answer, MSG_DONTWAIT) >= 0;
  const int error = done ? answer.error.error : -errno;
  close(fd);
  return done && answer.header.nlmsg_type != NLMSG_ERROR ? -EPROTO : error;
}

// interfaceSetTxQueueLength(name, frames). Not by ioctl: SIOCSIFTXQLEN is for root of the machine only, and rootless
// namespaces have TAPs too.
Napi::Value SetTxQueueLength(const Napi::CallbackInfo& info) {
  ifreq request{};
  if (!Named(info, &request)) return Number(info, -EINVAL);
  const int error = Asker(AF_INET).Ask(SIOCGIFINDEX, &request);
  if (error < 0) return Number(info, error);
  return Number(info, SetLinkAttribute(request.ifr_ifindex, IFLA_TXQLEN, Uint(info, 1)));
}

// interfaceSetHardwareAddress(name, 'aa:bb:cc:dd:ee:ff')
Napi::Value SetHardwareAddress(const Napi::CallbackInfo& info) {
  ifreq request{};
  if (!Named(info, &request)) return Number(info, -EINVAL);
  unsigned bytes[6];
  int end = 0;
  const std::string text = Text(info, 1);
  const int fields = sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                            &bytes[4], &bytes[5], &end);
  if (fields != 6 || static_cast<size_t>(end) != text.size()) return Number(info, -EINVAL);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  for (int i = 0; i < 6; i++) request.ifr_hwaddr.sa_data[i] = static_cast<char>(bytes[i]);
  return Number(info, Asker(AF_INET).Ask(SIOCSIFHWADDR, &request));
}

int SetAddress4(ifreq* request, in_addr address, uint32_t prefix) {
  if (prefix > 32) return -EINVAL;
  Asker asker(AF_INET);
  sockaddr_in socket_address{};
  socket_address.sin_family = AF_INET;
  socket_address.sin_addr = address;
  memcpy(&request->ifr_addr, &socket_address, sizeof socket_address);
  const int error = asker.Ask(SIOCSIFADDR, request);
  if (error < 0) return error;
  socket_address.sin_addr.s_addr = htonl(prefix == 0 ? 0 : ~0u << (32 - prefix));
  memcpy(&request->ifr_netmask, &socket_address, sizeof socket_address);
  return asker.Ask(SIOCSIFNETMASK, request);
}

int SetAddress6(ifreq* request, const in6_addr& address, uint32_t prefix) {
  if (prefix > 128) return -EINVAL;
  Asker asker(AF_INET6);
  const int error = asker.Ask(SIOCGIFINDEX, request);
  if (error < 0) return error;
  in6_ifreq request6{};
  request6.ifr6_addr = address;
  request6.ifr6_prefixlen = prefix;
  request6.ifr6_ifindex = request->ifr_ifindex;
  return asker.Ask(SIOCSIFADDR, &request6);
}

// interfaceSetAddress(name, address, prefixLength): sets the IPv4 address, or adds an IPv6 address.
Napi::Value SetAddress(const Napi::CallbackInfo& info) {
  ifreq request{};
  if (!Named(info, &request)) return Number(info, -EINVAL);
  const std::string text = Text(info, 1);
  in_addr address4{};
  in6_addr address6{};
  if (inet_pton(AF_INET, text.c_str(), &address4) == 1) {
    return Number(info, SetAddress4(&request, address4, Uint(info, 2)));
  }
  if (inet_pton(AF_INET6, text.c_str(), &address6) == 1) {
    return Number(info, SetAddress6(&request, address6, Uint(info, 2)));
  }
  return Number(info, -EINVAL);
}

uint32_t PrefixLength(const sockaddr* mask, size_t offset, size_t length) {
  if (mask == nullptr) return static_cast<uint32_t>(length * 8);
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(mask) + offset;
  uint32_t bits = 0;
  for (size_t i = 0; i < length; i++) bits += static_cast<uint32_t>(__builtin_popcount(bytes[i]));
  return bits;
}

// interfaceAddresses(): [{ name, address, prefixLength }] of every interface, also those that are down; or a negative errno.
Napi::Value Addresses(const Napi::CallbackInfo& info) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) < 0) return Number(info, -errno);
  Napi::Array result = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const bool v4 = entry->ifa_addr->sa_family == AF_INET;
    if (!v4 && entry->ifa_addr->sa_family != AF_INET6) continue;
    const size_t offset = v4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr);
    char text[INET6_ADDRSTRLEN];
    const void* address = reinterpret_cast<const char*>(entry->ifa_addr) + offset;
    if (inet_ntop(entry->ifa_addr->sa_family, address, text, sizeof text) == nullptr) continue;
    Napi::Object item = Napi::Object::New(info.Env());
    item.Set("name", entry->ifa_name);
    item.Set("address", std::string(text));
    item.Set("prefixLength", PrefixLength(entry->ifa_netmask, offset, v4 ? 4 : 16));
    result.Set(count++, item);
  }
  freeifaddrs(list);
  return result;
}

}  // namespace

void DefineInterface(Napi::Env env, Napi::Object exports) {
  exports.Set("interfaceInfo", Napi::Function::New<Info>(env, "interfaceInfo"));
  exports.Set("interfaceAddresses", Napi::Function::New<Addresses>(env, "interfaceAddresses"));
  exports.Set("interfaceSetFlags", Napi::Function::New<SetFlags>(env, "interfaceSetFlags"));
  exports.Set("interfaceSetMtu", Napi::Function::New<SetMtu>(env, "interfaceSetMtu"));
  exports.Set("interfaceSetTxQueueLength", Napi::Function::New<SetTxQueueLength>(env, "interfaceSetTxQueueLength"));
  exports.Set("interfaceSetHardwareAddress",
              Napi::Function::New<SetHardwareAddress>(env, "interfaceSetHardwareAddress"));
  exports.Set("interfaceSetAddress", Napi::Function::New<SetAddress>(env, "interfaceSetAddress"));
}

}  // namespace pagewire
