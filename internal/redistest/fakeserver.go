package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// FakeServer is a server that lets a client connect and then gives every command one
// reply, whatever it is.
type FakeServer struct {
	addr string

	mu    sync.Mutex
	reply string
	each  bool
}

// NewFakeServer starts an FakeServer that lives until the end of the test.
func NewFakeServer(tb testing.TB) *FakeServer {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	fatal(tb, err)
	o := &FakeServer{addr: l.Addr().String(), reply: "+OK\r\n"}
	var running sync.WaitGroup
	conns := map[net.Conn]struct{}{}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			conns[c] = struct{}{}
			o.mu.Unlock()
			running.Go(func() { o.serve(c) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		o.mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		o.mu.Unlock()
		running.Wait()
	})
	return o
}

// URL is what pool.Config.URL takes.
func (o *FakeServer) URL() string { return "redis://" + o.addr }

// SetReply makes reply, in RESP, what every command gets. With each, EXEC gets an
// array of it, an element for each command of the transaction.
func (o *FakeServer) SetReply(reply string, each bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reply, o.each = reply, each
}

func (o *FakeServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	queued := -1 // commands of a transaction; -1: none
	for {
		words, err := readCommand(in)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, o.answer(words, &queued)); err != nil {
			return
		}
	}
}

func (o *FakeServer) answer(words []string, queued *int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch name := strings.ToUpper(words[0]); {
	case name == "HELLO":
		return "%3\r\n+version\r\n+7.0.15\r\n+proto\r\n:3\r\n+mode\r\n+standalone\r\n"
	case name == "CLIENT" || name == "SELECT":
		return "+OK\r\n"
	case name == "PING":
		return "+PONG\r\n"
	case name == "HPEXPIRETIME":
		return "-ERR unknown command\r\n"
	case name == "MULTI":
		*queued = 0
		return "+OK\r\n"
	case name == "EXEC":
		n := *queued
		*queued = -1
		if o.each {
			return fmt.Sprintf("*%d\r\n%s", n, strings.Repeat(o.reply, n))
		}
	case *queued >= 0:
		*queued++
		return "+QUEUED\r\n"
	}
	return o.reply
}

func readCommand(in *bufio.Reader) ([]string, error) {
	n, err := readLength(in)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("no command: %w", err)
	}
	words := make([]string, n)
	for i := range words {
		size, err := readLength(in)
		if err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return nil, err
		}
		words[i] = string(text[:size])
	}
	return words, nil
}

func readLength(in *bufio.Reader) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil || len(line) < 4 {
		return 0, fmt.Errorf("a length: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
