// rtnetlink's link messages, for one interface.

#include "link-watch.h"

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "arguments.h"

namespace pagewire {

Napi::Function LinkWatch::Define(Napi::Env env) {
  return DefineClass(env, "LinkWatch",
                     {InstanceMethod<&LinkWatch::Open>("open"), InstanceMethod<&LinkWatch::Refresh>("refresh"),
                      InstanceMethod<&LinkWatch::Mtu>("mtu"), InstanceMethod<&LinkWatch::Keep>("keep"),
                      InstanceMethod<&LinkWatch::Close>("close")});
}

LinkWatch::LinkWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LinkWatch>(info) {}

LinkWatch::~LinkWatch() { CloseAll(); }

// open(interfaceIndex, callback): the callback gets the state when state or MTU changed.
Napi::Value LinkWatch::Open(const Napi::CallbackInfo& info) {
  if (fd_ >= 0) return Number(info, -EALREADY);
  index_ = Int(info, 0);
  if (!info[1].IsFunction() || !callback_.Open(info.Env(), info[1], "PagewireLinkWatch")) {
    return Number(info, -EINVAL);
  }
  int error = 0;
  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = RTMGRP_LINK;
  if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&local), sizeof local) < 0) error = -errno;
  if (error == 0) poller_ = Poller::Open(info.Env(), fd_, this, &error);
  if (poller_ == nullptr) {
    callback_.Close();
    CloseAll();
    return Number(info, error);
  }
  Ref();
  return Number(info, poller_->Watch(UV_READABLE));
}

// refresh(): asks the kernel now; the state or a negative errno.
Napi::Value LinkWatch::Refresh(const Napi::CallbackInfo& info) {
  const int error = Ask();
  if (error < 0) return Number(info, error);
  Drain();
  return Number(info, state_);
}

// mtu(): as of the last message, 0 before the first.
Napi::Value LinkWatch::Mtu(const Napi::CallbackInfo& info) { return Number(info, mtu_); }

Napi::Value LinkWatch::Keep(const Napi::CallbackInfo& info) {
  if (poller_ == nullptr) return Number(info, -EBADF);
  if (Flag(info, 0)) {
    poller_->Ref();
  } else {
    poller_->Unref();
  }
  return Number(info, 0);
}

Napi::Value LinkWatch::Close(const Napi::CallbackInfo& info) {
  CloseAll();
  return Number(info, 0);
}

// The kernel answers within the send.
int LinkWatch::Ask() {
  if (fd_ < 0) return -EBADF;
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_family = AF_UNSPEC;
  request.link.ifi_index = index_;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent =
      sendto(fd_, &request, sizeof request, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  return sent < 0 ? -errno : 0;
}

void LinkWatch::Drain() {
  alignas(nlmsghdr) char bytes[32768];
  bool lost = false;
  // Bounded, so that a storm of other interfaces' messages does not hold the loop; what is left comes in the next turn.
  for (int turn = 0; turn < 64 && fd_ >= 0; turn++) {
    sockaddr_nl from{};
    socklen_t from_length = sizeof from;
    const ssize_t length =
        recvfrom(fd_, bytes, sizeof bytes, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &from_length);
    if (length >= 0) {
      if (from.nl_pid == 0) Parse(bytes, static_cast<size_t>(length));
    } else if (errno == ENOBUFS && !lost) {
      // Messages were lost: what stands now is asked for.
      lost = true;
      if (Ask() < 0) return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

void LinkWatch::Parse(const char* bytes, size_t length) {
  size_t at = 0;
  while (at + sizeof(nlmsghdr) <= length) {
    nlmsghdr header;
    memcpy(&header, bytes + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > length - at) return;
    const char* body = bytes + at + NLMSG_HDRLEN;
    const size_t body_length = header.nlmsg_len - NLMSG_HDRLEN;
    at += NLMSG_ALIGN(header.nlmsg_len);
    if (header.nlmsg_type == NLMSG_ERROR && body_length >= sizeof(nlmsgerr)) {
      nlmsgerr error;
      memcpy(&error, body, sizeof error);
      if (error.error == -ENODEV) state_ = kGone;
      continue;
    }
    ifinfomsg link;
    if ((header.nlmsg_type != RTM_NEWLINK && header.nlmsg_type != RTM_DELLINK) || body_length < sizeof link) continue;
    memcpy(&link, body, sizeof link);
    // A bridge reports its ports with messages of another family, RTM_DELLINK among them.
    if (link.ifi_index != index_ || link.ifi_family != AF_UNSPEC) continue;
    if (header.nlmsg_type == RTM_DELLINK) {
      state_ = kGone;
      continue;
    }
    state_ = ((link.ifi_flags & IFF_UP) != 0 ? kUp : 0) | ((link.ifi_flags & IFF_LOWER_UP) != 0 ? kCarrier : 0);
    for (size_t offset = NLMSG_ALIGN(sizeof link); offset + sizeof(rtattr) <= body_length;) {
      rtattr attribute;
      memcpy(&attribute, body + offset, sizeof attribute);
      if (attribute.rta_len < sizeof attribute || attribute.rta_len > body_length - offset) break;
      if (attribute.rta_type == IFLA_MTU && attribute.rta_len >= RTA_LENGTH(sizeof mtu_)) {
        memcpy(&mtu_, body + offset + RTA_LENGTH(0), sizeof mtu_);
      }
      offset += RTA_ALIGN(attribute.rta_len);
    }
  }
}

void LinkWatch::OnReady(int error, int) {
  const int32_t state = state_;
  const int32_t mtu = mtu_;
  if (error == 0) Drain();
  if (error != 0 || state != state_ || mtu != mtu_) callback_.Call(error != 0 ? error : state_);
}

void LinkWatch::OnExit() { CloseAll(); }

void LinkWatch::CloseAll() {
  if (poller_ != nullptr) {
    poller_->Close();
    poller_ = nullptr;
    callback_.Close();
    Unref();
  }
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace pagewire
