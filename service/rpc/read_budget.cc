#include "service/rpc/read_budget.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace evalrun::service {
namespace {

struct Turn {
  std::size_t budget = 0;  // 0: none is in force
  int socket = -1;         // whose turn it is
  std::size_t read = 0;
};

thread_local Turn turn;

// True when the kernel tells of what is left. It would not tell of an end or an error again: when
// nothing is left, these are to be read.
bool TellAgain(int socket) {
  int left = 0;
  const int one_byte = 1;
  return ioctl(socket, FIONREAD, &left) == 0 && left > 0 &&
         setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &one_byte, sizeof(one_byte)) == 0;
}

ssize_t Receive(int socket, msghdr* message, int flags) {
  return syscall(SYS_recvmsg, socket, message, flags);
}

}  // namespace

ReadBudget::ReadBudget(std::size_t bytes) { turn = {.budget = bytes}; }

ReadBudget::~ReadBudget() { turn = {}; }

}  // namespace evalrun::service

extern "C" ssize_t recvmsg(int socket, msghdr* message, int flags) {
  using namespace evalrun::service;
  if (turn.budget == 0) return Receive(socket, message, flags);
  if (turn.socket != socket) turn = {.budget = turn.budget, .socket = socket};
  if (turn.read >= turn.budget && TellAgain(socket)) {
    turn.read = 0;
    errno = EAGAIN;
    return -1;
  }
  const ssize_t size = Receive(socket, message, flags);
  turn.read = size > 0 ? turn.read + static_cast<std::size_t>(size) : 0;
  return size;
}
