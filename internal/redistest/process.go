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

// patience is how long a server, a cluster or a failover may take. All are
// far quicker on a machine that has time for them.
const patience = 30 * time.Second

// errGone is a server that ended by itself before it answered.
var errGone = errors.New("the server ended")

// process is a running server. Its invariant: it never outlives this process.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
}

// requireProgram skips the test, or fails it, where there is no server to run.
func requireProgram(tb testing.TB) {
	tb.Helper()
	_, err := exec.LookPath(program())
	switch {
	case err == nil:
	case os.Getenv("REDISTEST_SERVER") != "":
		tb.Fatalf("redistest: REDISTEST_SERVER: %v", err)
	case isSet("CI") || isSet("REDISTEST_REQUIRED"):
		tb.Fatalf("redistest: this test needs a Redis server, and CI or REDISTEST_REQUIRED forbids to skip it: %v", err)
	default:
		tb.Skipf("redistest: this test needs a Redis server (`make redis` installs it): %v", err)
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
	p := &process{cmd: exec.Command(program(), args...), gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log

	started := make(chan error)
	go func() {
		// Linux ends a tied process when the thread that started it ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		release, err := startTied(p.cmd)
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // a killed server reports its signal
		release()
		close(p.gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only where it has ended already
	<-p.gone
}

// waitUntilReady pings over the socket in the server's own folder, since the
// port may be answered by a stranger that was quicker to take it.
func (p *process) waitUntilReady(socket string) error {
	ended := false
	ready := waitFor(func() bool {
		select {
		case <-p.gone:
			ended = true
			return true
		default:
			return ping(socket)
		}
	})
	switch {
	case ended:
		return fmt.Errorf("%w with %v", errGone, p.cmd.ProcessState)
	case !ready:
		return fmt.Errorf("no answer to PING within %v", patience)
	}
	return nil
}

// ping reports whether a server answers and has loaded its data. One that
// wants a password first does, too.
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
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && (strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH"))
}

// isPortTaken tells the one failure that another port cures. The words are
// the same in every Redis and Valkey since 6.
func isPortTaken(err error) bool {
	return errors.Is(err, errGone) && strings.Contains(err.Error(), "Failed listening on port")
}

// waitFor asks again and again until done says yes, and reports whether it did.
func waitFor(done func() bool) bool {
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
	return true
}
