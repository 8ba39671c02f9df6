// A web server with Go's own profiler behind /debug/pprof, as services have it.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"
)

func work() int {
	sum := 0
	for i := 0; i < 200000; i++ {
		sum += i % 7
	}
	return sum
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			work()
			time.Sleep(10 * time.Millisecond)
		}
	}()
	fmt.Println("up", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
