// The bytes of an input, read as small choices; zeros behind its end.

#pragma once

#include <cstddef>
#include <cstdint>

namespace pagewire::fuzz {

constexpr uint32_t kEdges[] = {0, 1, 19, 20, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};

class Input {
 public:
  Input(const uint8_t* bytes, size_t length) : at_(bytes), end_(bytes + length) {}
  bool more() const { return at_ < end_; }
  uint8_t Byte() { return at_ < end_ ? *at_++ : 0; }
  uint32_t Word() {
    uint32_t word = 0;
    for (int i = 0; i < 4; i++) word = word << 8 | Byte();
    return word;
  }
  uint32_t Below(size_t bound) { return bound == 0 ? 0 : Byte() % static_cast<uint32_t>(bound); }
  // Something about `length`: within it, at its edge, one too far, or far off.
  uint32_t About(uint32_t length) {
    const uint8_t choice = Byte();
    switch (choice & 7) {
      case 0: return length;
      case 1: return length + 1;
      case 2: return length == 0 ? 0 : length - 1;
      case 3: return kEdges[choice >> 5];
      case 4: return Word();
      default: return length == 0 ? 0 : Word() % length;
    }
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace pagewire::fuzz
