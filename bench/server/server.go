// Package server starts redis-server for programs that need an idle one, or
// kill it.
package server

import (
	"bytes"
	"context"
	"errors"
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

// Program is the name of the program.
const Program = "redis-server"

// Server is a redis-server on a free port, with its own folder. It can be
// killed and started again.
type Server struct {
	Dir  string
	port int
	conf []string
	cmd  *exec.Cmd
}

// Start runs a server with lines of redis.conf until Close.
func Start(conf ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, port: l.Addr().(*net.TCPAddr).Port, conf: conf}
	if err := l.Close(); err != nil {
		return nil, err
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Addr returns the host and the port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL returns the address as a URL, without a database.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Start starts the server again after Kill, with the data that it saved.
func (s *Server) Start() error {
	lines := append([]string{
		"bind 127.0.0.1", fmt.Sprintf("port %d", s.port), fmt.Sprintf("dir %q", s.Dir), `save ""`, "loglevel warning",
	}, s.conf...)
	file := filepath.Join(s.Dir, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	var log bytes.Buffer
	s.cmd = exec.Command(Program, file)
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.ready() {
			return nil
		}
	}
	s.Kill()
	return fmt.Errorf(Program+" does not answer:\n%s", log.String())
}

// ready reports whether the server answers and has loaded its data.
func (s *Server) ready() bool {
	conn, err := net.DialTimeout("tcp4", s.Addr(), time.Second)
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

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Close ends the server and removes its folder.
func (s *Server) Close() {
	s.Kill()
	_ = os.RemoveAll(s.Dir)
}

// Do sends one command to a database.
func (s *Server) Do(db int, command ...string) error {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, SelectDB: db, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Do(context.Background(), c.B().Arbitrary(command...).Build()).Error()
}
