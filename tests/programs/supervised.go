// Exchanges of two writes and a read with TCP_NODELAY turned off, which Go turns on by itself: PORT COUNT. Prints the median
// in milliseconds. For scripts/check supervise.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	const size, warmUp = 102, 5
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	connection, err := net.Dial("tcp4", "127.0.0.1:"+os.Args[1])
	check(err)
	check(connection.(*net.TCPConn).SetNoDelay(false))
	buffer := make([]byte, size)
	var times []float64
	for i := 0; i < count+warmUp; i++ {
		begin := time.Now()
		_, err = connection.Write(buffer[:size-2])
		check(err)
		_, err = connection.Write(buffer[size-2:])
		check(err)
		_, err = io.ReadFull(connection, buffer)
		check(err)
		times = append(times, float64(time.Since(begin).Nanoseconds())/1e6)
	}
	times = times[warmUp:]
	sort.Float64s(times)
	fmt.Printf("%.3f\n", times[count/2])
}
