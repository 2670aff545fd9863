// Anchors in Go, for echo_server and http_server of c-tests/bench: a goroutine per
// connection, and the standard library's HTTP server. Run until SIGTERM. Follows the
// documentation of the packages net and net/http.
//
//	servers echo|http
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
)

const body = 1024

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}

func main() {
	limit := syscall.Rlimit{}
	check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println("listening on", listener.Addr())
	if len(os.Args) > 1 && os.Args[1] == "http" {
		text := bytes.Repeat([]byte("x"), body)
		check(http.Serve(listener, http.HandlerFunc(
			func(answer http.ResponseWriter, request *http.Request) {
				answer.Header().Set("Content-Type", "text/plain")
				answer.Write(text)
			})))
	}
	for {
		connection, err := listener.Accept()
		check(err)
		go echo(connection)
	}
}
