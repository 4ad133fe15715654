package redistest

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// waitTimeout is how long a server, a cluster or a failover may take. On an
// idle machine, all of them are much faster.
const waitTimeout = 30 * time.Second

// errServerEnded is returned if a server ended before it replied.
var errServerEnded = errors.New("the server ended")

// process is a server process. It never outlives this process.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
}

// requireProgram skips the test, or fails it, if the server program is missing.
// With the flag -short it always skips the test, since servers take time.
func requireProgram(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skipf("redistest: this test needs a Redis server, and -short is set")
	}
	_, err := exec.LookPath(program())
	switch {
	case err == nil:
	case os.Getenv("REDISTEST_SERVER") != "":
		tb.Fatalf("redistest: REDISTEST_SERVER: %v", err)
	case isSet("CI") || isSet("REDISTEST_REQUIRED"):
		tb.Fatalf("redistest: this test needs a Redis server, and CI or REDISTEST_REQUIRED does not allow to skip it: %v", err)
	default:
		tb.Skipf("redistest: this test needs a Redis server; `make redis` installs it: %v", err)
	}
}

func program() string { return cmp.Or(os.Getenv("REDISTEST_SERVER"), "redis-server") }

func isSet(variable string) bool {
	on, err := strconv.ParseBool(os.Getenv(variable))
	return err == nil && on
}

func startProcess(logFile string, args []string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p := &process{cmd: exec.Command(program(), args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log

	started := make(chan error)
	go func() {
		// On Linux, a tied process ends with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		release, err := startTied(p.cmd)
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // returns an error if the server was killed
		release()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it has already ended
	<-p.ended
}

// waitUntilReady waits until the server replies to PING on its Unix socket. It
// does not use the port, because another program may have taken it.
func (p *process) waitUntilReady(socket string) error {
	hasEnded := false
	ready := waitFor(func() bool {
		select {
		case <-p.ended:
			hasEnded = true
			return true
		default:
			return ping(socket)
		}
	})
	switch {
	case hasEnded:
		return fmt.Errorf("%w with %v", errServerEnded, p.cmd.ProcessState)
	case !ready:
		return fmt.Errorf("no reply to PING within %v", waitTimeout)
	}
	return nil
}

// ping reports whether a server replies and has loaded its data. A server that
// requires a password counts as ready.
func ping(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && (strings.HasPrefix(reply, "+PONG") || strings.HasPrefix(reply, "-NOAUTH"))
}

// isPortTaken reports whether the server failed because its port is in use. The
// text is the same in all versions of Redis since 6 and in Valkey.
func isPortTaken(err error) bool {
	return errors.Is(err, errServerEnded) && strings.Contains(err.Error(), "Failed listening on port")
}

// waitFor calls done until it returns true, and reports whether it did in time.
func waitFor(done func() bool) bool {
	deadline := time.Now().Add(waitTimeout)
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
	return true
}
