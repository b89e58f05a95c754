// cpp-httplib on either end.
//   httplib serve PORT DIRECTORY               serves the files of a directory, and answers a POST with what it got
//   httplib post ADDRESS PORT POOL REQUESTS    posts 100 bytes on POOL connections; where there are several, one request in
//                                              ten on a new one, and a file is opened for each: numbers are used again
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>
#include <httplib.h>

static int serve(int port, const char *directory)
{
    httplib::Server server;
    server.new_task_queue = [] { return new httplib::ThreadPool(24); };
    server.set_keep_alive_max_count(1000000);
    server.set_mount_point("/", directory);
    server.Post("/", [](const httplib::Request &request, httplib::Response &response) {
        response.set_content(request.body, "text/plain");
    });
    return server.listen("0.0.0.0", port) ? 0 : 1;
}

static int post(const char *address, int port, size_t pool, int requests)
{
    std::mt19937 choose(1);
    std::vector<std::unique_ptr<httplib::Client>> clients(pool);
    const std::string body(100, 'x');
    for (int i = 0; i < requests; i++) {
        auto &client = clients[choose() % pool];
        if (!client || (pool > 1 && choose() % 10 == 0)) {
            client.reset();
            client = std::make_unique<httplib::Client>(address, port);
            client->set_keep_alive(true);
        }
        std::ifstream("/etc/hostname").get();
        auto answer = client->Post("/", body, "text/plain");
        if (!answer || answer->body != body) {
            std::fprintf(stderr, "httplib: wrong answer\n");
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && std::string(argv[1]) == "serve")
        return serve(std::atoi(argv[2]), argv[3]);
    if (argc == 6 && std::string(argv[1]) == "post")
        return post(argv[2], std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]));
    std::fprintf(stderr, "usage: httplib serve PORT DIRECTORY | post ADDRESS PORT POOL REQUESTS\n");
    return 2;
}
