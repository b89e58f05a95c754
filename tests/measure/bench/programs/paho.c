/* Paho's asynchronous MQTT client publishes at a steady rate; a second process receives and tells how late each message is.
 *
 *   paho publish URL RATE COUNT        100-byte messages, QoS 0, each beginning with CLOCK_MONOTONIC in nanoseconds
 *   paho subscribe URL COUNT FILE      prints "ready"; writes the delays in seconds, as doubles, to FILE
 */
#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "bench"

static sem_t done;
static size_t count, received;
static double *delay;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void good(void *context, MQTTAsync_successData *data)
{
    sem_post(&done);
}

static void bad(void *context, MQTTAsync_failureData *data)
{
    fprintf(stderr, "paho: %s\n", data && data->message ? data->message : "failed");
    exit(1);
}

static void check(int result)
{
    if (result != MQTTASYNC_SUCCESS) {
        fprintf(stderr, "paho: error %d\n", result);
        exit(1);
    }
}

static int arrived(void *context, char *topic, int length, MQTTAsync_message *message)
{
    int64_t sent;
    memcpy(&sent, message->payload, sizeof sent);
    if (received < count)
        delay[received] = (now() - sent) * 1e-9;
    if (++received == count)
        sem_post(&done);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void lost(void *context, char *cause)
{
    bad(NULL, NULL);
}

static void publish(MQTTAsync client, long rate)
{
    char message[100] = {0};
    int64_t begin = now();
    for (size_t i = 0; i < count; i++) {
        int64_t at = begin + i * 1000000000LL / rate, sent;
        struct timespec t = {at / 1000000000, at % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        sent = now();
        memcpy(message, &sent, sizeof sent);
        check(MQTTAsync_send(client, TOPIC, sizeof message, message, 0, 0, NULL));
    }
    /* A disconnect waits for what is queued. */
    MQTTAsync_disconnectOptions end = MQTTAsync_disconnectOptions_initializer;
    end.onSuccess = good;
    end.onFailure = bad;
    end.timeout = 5000;
    check(MQTTAsync_disconnect(client, &end));
    sem_wait(&done);
}

static void subscribe(MQTTAsync client, const char *file)
{
    MQTTAsync_responseOptions asked = MQTTAsync_responseOptions_initializer;
    asked.onSuccess = good;
    asked.onFailure = bad;
    check(MQTTAsync_subscribe(client, TOPIC, 0, &asked));
    sem_wait(&done);
    puts("ready");
    fflush(stdout);
    sem_wait(&done);
    FILE *f = fopen(file, "wb");
    if (!f || fwrite(delay, sizeof *delay, count, f) != count || fclose(f) != 0) {
        perror(file);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: paho publish URL RATE COUNT | subscribe URL COUNT FILE\n");
        return 2;
    }
    int publishes = strcmp(argv[1], "publish") == 0;
    MQTTAsync client;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    sem_init(&done, 0, 0);
    count = strtoul(argv[publishes ? 4 : 3], NULL, 10);
    delay = calloc(count, sizeof *delay);
    check(MQTTAsync_create(&client, argv[2], argv[1], MQTTCLIENT_PERSISTENCE_NONE, NULL));
    check(MQTTAsync_setCallbacks(client, NULL, lost, arrived, NULL));
    options.onSuccess = good;
    options.onFailure = bad;
    options.maxInflight = 65535;
    check(MQTTAsync_connect(client, &options));
    sem_wait(&done);
    if (publishes)
        publish(client, atol(argv[3]));
    else
        subscribe(client, argv[4]);
    return 0;
}
