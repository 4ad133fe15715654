package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/rueidis"
)

// Instance is one server process. Its address stays the same for the whole
// test, also over Kill and Restart.
type Instance struct {
	port   int
	dir    string   // holds the configuration, the data, the log and the socket
	config []string // lines of redis.conf, the last of a name counts
	args   []string

	mu   sync.Mutex
	proc *process // nil: not running
}

// Server starts a server that lives until the end of the test. Each config
// line stands as it would in redis.conf, and wins over the lines that the
// package writes: nothing is saved to disk unless one of them says so.
//
//	redistest.Server(t, "appendonly yes", "appendfsync always")
func Server(tb testing.TB, config ...string) *Instance {
	tb.Helper()
	return start(tb, func(port int) []string {
		return slices.Concat(data(port), config)
	})
}

// URL is what pool.Config.URL takes: redis://127.0.0.1:port.
func (s *Instance) URL() string { return "redis://" + s.Addr() }

// Addr is the server's host and port.
func (s *Instance) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Port is the server's port.
func (s *Instance) Port() int { return s.port }

// Client is a connection to one database of the server, to look at what is
// stored there and to run commands that the library lacks. It has no
// client-side cache, and is closed when the test ends.
func (s *Instance) Client(tb testing.TB, database int) rueidis.Client {
	tb.Helper()
	client := s.connect(tb, database)
	tb.Cleanup(client.Close)
	return client
}

// Flush empties every database of the server.
func (s *Instance) Flush(tb testing.TB) {
	tb.Helper()
	client := s.connect(tb, 0)
	defer client.Close()
	if err := client.Do(tb.Context(), client.B().Flushall().Build()).Error(); err != nil {
		tb.Fatalf("redistest: empty %s: %v", s.Addr(), err)
	}
}

func (s *Instance) connect(tb testing.TB, database int) rueidis.Client {
	tb.Helper()
	client, err := s.dial(database)
	if err != nil {
		tb.Fatalf("redistest: connect to %s: %v", s.Addr(), err)
	}
	return client
}

func (s *Instance) dial(database int) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress:       []string{s.Addr()},
		SelectDB:          database,
		DisableCache:      true,
		ForceSingleClient: true,
	})
}

// Kill ends the server at once, as a crash would, and returns when it is
// gone. On a server that is not running it does nothing.
func (s *Instance) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// Restart starts the server again on the same port with the same folder, so
// that it loads what it had saved; one that still runs is killed first. It
// returns when the server answers.
func (s *Instance) Restart(tb testing.TB) {
	tb.Helper()
	s.Kill()
	// While the server was away, an outgoing connection may have been given
	// its port; that one is left in peace until it ends.
	var err error
	if !waitFor(func() bool {
		err = s.run()
		return err == nil || !isPortTaken(err)
	}) || err != nil {
		tb.Fatalf("redistest: restart: %v", err)
	}
}

// data are the lines of every server that holds data.
func data(port int) []string {
	return []string{
		fmt.Sprintf("port %d", port),
		`save ""`,
		"appendonly no",
		"repl-diskless-sync-delay 0",
	}
}

// start finds a free port and runs a server there, with the configuration
// that lines gives for the port, until the test ends.
func start(tb testing.TB, lines func(port int) []string, args ...string) *Instance {
	tb.Helper()
	requireProgram(tb)
	dir, err := os.MkdirTemp("", "redistest") // tb.TempDir can be too long for a socket's path
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	s := &Instance{dir: dir, args: args}
	tb.Cleanup(func() {
		s.saveSlowlog(tb)
		s.Kill()
		if tb.Failed() {
			tb.Logf("redistest: log of the server on %s:\n%s", s.Addr(), s.log())
		}
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("redistest: %v", err)
		}
	})
	if !waitFor(func() bool {
		s.port = freePort(tb)
		if err = s.configure(lines(s.port)); err == nil {
			err = s.run()
		}
		return err == nil || !isPortTaken(err)
	}) || err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return s
}

func (s *Instance) configure(lines []string) error {
	s.config = slices.Concat([]string{
		"bind 127.0.0.1",
		"protected-mode no",
		"daemonize no",
		`logfile ""`,
		fmt.Sprintf("dir %q", s.dir),
		fmt.Sprintf("unixsocket %q", filepath.Join(s.dir, "redis.sock")),
	}, slowlogLines(), lines)
	return os.WriteFile(s.configFile(), []byte(strings.Join(s.config, "\n")+"\n"), 0o600)
}

// setting is the value that a configuration line gave, without its quotes.
func (s *Instance) setting(name string) string {
	for _, line := range slices.Backward(s.config) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			value = strings.TrimSpace(value)
			if bare, err := strconv.Unquote(value); err == nil {
				return bare
			}
			return value
		}
	}
	return ""
}

func (s *Instance) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	proc, err := startProcess(s.logFile(), append([]string{s.configFile()}, s.args...))
	if err != nil {
		return err
	}
	if err := proc.waitUntilReady(s.setting("unixsocket")); err != nil {
		proc.kill()
		return fmt.Errorf("%w; its log:\n%s", err, s.log())
	}
	s.proc = proc
	return nil
}

func (s *Instance) configFile() string { return filepath.Join(s.dir, "redis.conf") }
func (s *Instance) logFile() string    { return filepath.Join(s.dir, "redis.log") }

func (s *Instance) log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return strings.TrimRight(string(text), "\n")
}

// freePort is a port that was free a moment ago.
func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
