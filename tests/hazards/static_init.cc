// C++ static initialisers, thread_local objects and static destructors that use sockets and iostreams.
// Hazard: hooks before main, from other threads' exit, and after main.
#include <iostream>
#include <thread>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct Pair {
    int client = -1, server = -1;
    Pair() {
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        bind(listener, reinterpret_cast<sockaddr *>(&address), size);
        listen(listener, 4);
        getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
        client = socket(AF_INET, SOCK_STREAM, 0);
        connect(client, reinterpret_cast<sockaddr *>(&address), size);
        server = accept(listener, nullptr, nullptr);
        close(listener);
        std::cout << "constructed " << exchange() << std::endl;
    }
    std::string exchange() {
        char buffer[16];
        if (write(client, "ping", 4) != 4) return "write failed";
        ssize_t got = read(server, buffer, sizeof buffer);
        return got == 4 ? "exchanged" : "read failed";
    }
    ~Pair() {
        std::cout << "destroyed " << exchange() << std::endl;
        close(client);
        close(server);
    }
};

static Pair global;
thread_local Pair per_thread;

int main() {
    std::cout << "main " << global.exchange() << std::endl;
    std::thread([] { std::cout << "thread " << per_thread.exchange() << std::endl; }).join();
    std::cout << "main again " << per_thread.exchange() << std::endl;
}
