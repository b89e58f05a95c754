// The core patterns in Go, as a dynamically linked program (cgo): the library is loaded and sees nothing, because Go makes its system calls
// itself. `paced COUNT GAP_US`, `queue COUNT MEAN PAUSE_US` (a channel), `exchange COUNT PIECES`.
package main

// #include <time.h>
// static long long now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ll + t.tv_nsec; }
import "C"

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"strconv"
	"time"
)

func now() int64 { return int64(C.now()) }

func say(to net.Conn, kind string, begun int64) {
	if _, err := fmt.Fprintf(to, "%019d%s%79s\n", begun, kind, ""); err != nil {
		panic(err)
	}
}

func main() {
	var numbers []int
	for _, word := range os.Args[2:] {
		number, err := strconv.Atoi(word)
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, number)
	}
	connection, err := net.Dial("tcp", net.JoinHostPort(os.Getenv("FIELD_ADDRESS"), os.Getenv("FIELD_PORT")))
	if err != nil {
		panic(err)
	}
	// The package sets TCP_NODELAY by itself; these are programs that do not want it.
	if err := connection.(*net.TCPConn).SetNoDelay(false); err != nil {
		panic(err)
	}
	count := numbers[0]
	switch os.Args[1] {
	case "paced":
		for i := 0; i < count; i++ {
			say(connection, "t", now())
			time.Sleep(time.Duration(numbers[1]) * time.Microsecond)
		}
	case "queue":
		messages, done := make(chan int64, count), make(chan bool)
		go func() {
			for begun := range messages {
				say(connection, "t", begun)
			}
			close(done)
		}()
		for i := 0; i < count; i++ {
			messages <- now()
			if rand.Intn(numbers[1]) == 0 {
				time.Sleep(time.Duration(numbers[2]) * time.Microsecond)
			}
		}
		close(messages)
		<-done
	default:
		answer := make([]byte, 10)
		for i := 0; i < count; i++ {
			begun := now()
			for k := 1; k < numbers[1]; k++ {
				say(connection, "u", begun)
			}
			say(connection, "a", begun)
			if _, err := io.ReadFull(connection, answer); err != nil {
				panic(err)
			}
		}
	}
}
