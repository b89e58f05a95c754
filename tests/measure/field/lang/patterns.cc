/* The core patterns in C++ with asio: `paced COUNT GAP_US`, paced by a condition variable that nobody sets; `queue COUNT MEAN PAUSE_US`, work
 * posted to an io_context that another thread runs; `exchange COUNT PIECES`, pieces and then the answer. */
#include <asio.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <thread>

using asio::ip::tcp;

static long long now() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

static void say(tcp::socket &socket, char kind, long long begun) {
    char message[101];
    std::snprintf(message, sizeof message, "%019lld%c%79s\n", begun, kind, "");
    asio::write(socket, asio::buffer(message, 100));
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    std::string pattern = argv[1];
    int count = std::atoi(argv[2]), second = std::atoi(argv[3]);
    asio::io_context context;
    tcp::socket socket(context);
    socket.connect({asio::ip::make_address(std::getenv("FIELD_ADDRESS")), static_cast<unsigned short>(std::atoi(std::getenv("FIELD_PORT")))});
    if (pattern == "paced") {
        std::mutex lock;
        std::condition_variable never;
        std::unique_lock<std::mutex> held(lock);
        for (int i = 0; i < count; i++) {
            say(socket, 't', now());
            never.wait_for(held, std::chrono::microseconds(second));
        }
    } else if (pattern == "queue") {
        auto work = asio::make_work_guard(context);
        std::thread writer([&] { context.run(); });
        std::minstd_rand choose(1);
        for (int i = 0; i < count; i++) {
            asio::post(context, [&socket, begun = now()] { say(socket, 't', begun); });
            if (choose() % second == 0) std::this_thread::sleep_for(std::chrono::microseconds(std::atoi(argv[4])));
        }
        work.reset();
        writer.join();
    } else {
        char answer[10];
        for (int i = 0; i < count; i++) {
            auto begun = now();
            for (int k = 1; k <= second; k++) say(socket, k == second ? 'a' : 'u', begun);
            asio::read(socket, asio::buffer(answer));
        }
    }
}
