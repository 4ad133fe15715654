package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// server is a redis-server of this program's own, on a free port and with a
// folder of its own, that can be killed and started again.
type server struct {
	dir  string
	port int
	conf []string
	cmd  *exec.Cmd
}

// startServer runs a server with lines of redis.conf until close.
func startServer(conf ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "triggers")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, port: l.Addr().(*net.TCPAddr).Port, conf: conf}
	if err := l.Close(); err != nil {
		return nil, err
	}
	err = s.start()
	return s, err
}

func (s *server) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }
func (s *server) url() string  { return "redis://" + s.addr() }

func (s *server) start() error {
	lines := append([]string{
		"bind 127.0.0.1", fmt.Sprintf("port %d", s.port), fmt.Sprintf("dir %q", s.dir), `save ""`, "loglevel warning",
	}, s.conf...)
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	var log bytes.Buffer
	s.cmd = exec.Command("redis-server", file)
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.ready() {
			return nil
		}
	}
	s.kill()
	return fmt.Errorf("redis-server does not answer:\n%s", log.String())
}

// ready reports whether the server answers and has loaded its data.
func (s *server) ready() bool {
	conn, err := net.DialTimeout("tcp4", s.addr(), time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	answer := make([]byte, 5)
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "+PONG"
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) close() {
	s.kill()
	_ = os.RemoveAll(s.dir)
}

// do sends one command to a database.
func (s *server) do(db int, command ...string) error {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr()}, SelectDB: db, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Do(context.Background(), c.B().Arbitrary(command...).Build()).Error()
}
