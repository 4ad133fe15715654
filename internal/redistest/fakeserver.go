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

// FakeServer accepts connections and replies to every command with the same
// text, valid or not. It replies correctly to the commands with which a client
// connects, and to MULTI and queued commands.
type FakeServer struct {
	addr string

	mu    sync.Mutex
	first []string
	reply string
	each  bool // whether EXEC replies with an array of reply
}

// NewFakeServer starts a FakeServer that runs until the test ends.
func NewFakeServer(tb testing.TB) *FakeServer {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	fatal(tb, err)
	f := &FakeServer{addr: l.Addr().String(), reply: "+OK\r\n"}
	var running sync.WaitGroup
	conns := map[net.Conn]struct{}{}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			conns[c] = struct{}{}
			f.mu.Unlock()
			running.Go(func() { f.serve(c) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		f.mu.Unlock()
		running.Wait()
	})
	return f
}

// URL returns the value for pool.Config.URL.
func (f *FakeServer) URL() string { return "redis://" + f.addr }

// SetReply sets the reply, in RESP, to all commands. If each is true, EXEC
// replies with an array that contains reply once for each queued command. The
// next commands get the replies in first before that.
func (f *FakeServer) SetReply(reply string, each bool, first ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reply, f.each, f.first = reply, each, first
}

func (f *FakeServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	queued := -1 // commands of the open transaction; -1 if there is none
	for {
		words, err := readCommand(in)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, f.answer(words, &queued)); err != nil {
			return
		}
	}
}

func (f *FakeServer) answer(words []string, queued *int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
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
		if len(f.first) == 0 && f.each {
			return fmt.Sprintf("*%d\r\n%s", n, strings.Repeat(f.reply, n))
		}
	case *queued >= 0:
		*queued++
		return "+QUEUED\r\n"
	}
	if len(f.first) > 0 {
		reply := f.first[0]
		f.first = f.first[1:]
		return reply
	}
	return f.reply
}

func readCommand(in *bufio.Reader) ([]string, error) {
	n, err := readLength(in)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("read a command: %w", err)
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
		return 0, fmt.Errorf("read a length: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
