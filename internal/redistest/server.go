package redistest

import (
	"fmt"
	"math/rand/v2"
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

// Instance is a Redis server. Its address does not change during the test, not
// even by [Instance.Kill] and [Instance.Restart].
type Instance struct {
	port   int
	dir    string   // contains the configuration, the data, the log and the socket
	config []string // lines of redis.conf; the last line of a name wins
	args   []string

	mu   sync.Mutex
	proc *process // nil if not running
}

// Server starts a server that runs until the test ends. The config lines have
// the form of redis.conf, and override the lines of this package. By default,
// the server saves nothing to disk.
//
//	redistest.Server(t, "appendonly yes", "appendfsync always")
func Server(tb testing.TB, config ...string) *Instance {
	tb.Helper()
	return start(tb, func(port int) []string {
		return slices.Concat(dataLines(port), config)
	})
}

// URL returns the value for pool.Config.URL: redis://127.0.0.1:port.
func (s *Instance) URL() string { return "redis://" + s.Addr() }

// Addr returns the host and port of the server.
func (s *Instance) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Port returns the port of the server.
func (s *Instance) Port() int { return s.port }

// Client returns a client of one database of the server. It is independent of
// the library, and has no client-side cache. It is closed when the test ends.
func (s *Instance) Client(tb testing.TB, database int) rueidis.Client {
	tb.Helper()
	client := s.connect(tb, database)
	tb.Cleanup(client.Close)
	return client
}

// Flush deletes all keys in all databases of the server.
func (s *Instance) Flush(tb testing.TB) {
	tb.Helper()
	client := s.connect(tb, 0)
	defer client.Close()
	if err := client.Do(tb.Context(), client.B().Flushall().Build()).Error(); err != nil {
		tb.Fatalf("redistest: flush %s: %v", s.Addr(), err)
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

// Kill ends the server like a crash, and returns when it has ended. If the
// server is not running, Kill does nothing.
func (s *Instance) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

// Restart kills the server if it is running, and starts it with the same port
// and folder. The server loads the data that it has saved. Restart returns when
// the server replies.
func (s *Instance) Restart(tb testing.TB) {
	tb.Helper()
	s.Kill()
	// An outgoing connection may have got the port in the meantime. Retry until
	// that connection ends.
	var err error
	if !waitFor(func() bool {
		err = s.run()
		return err == nil || !isPortTaken(err)
	}) || err != nil {
		tb.Fatalf("redistest: restart: %v", err)
	}
}

// dataLines returns the configuration of a server that stores data.
func dataLines(port int) []string {
	return []string{
		fmt.Sprintf("port %d", port),
		`save ""`,
		"appendonly no",
		"repl-diskless-sync-delay 0",
	}
}

// start starts a server on a free port, with the configuration that lines
// returns for the port. The server runs until the test ends.
func start(tb testing.TB, lines func(port int) []string, args ...string) *Instance {
	tb.Helper()
	requireProgram(tb)
	dir, err := os.MkdirTemp("", "redistest") // a path from tb.TempDir can be too long for a socket
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

// setting returns the value of a configuration line, without quotes.
func (s *Instance) setting(name string) string {
	for _, line := range slices.Backward(s.config) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			value = strings.TrimSpace(value)
			if unquoted, err := strconv.Unquote(value); err == nil {
				return unquoted
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

// Ports are chosen below the range from which Linux takes the ports of outgoing
// connections, 32768 and up. Otherwise a connection may take the port of a
// server that is down for a moment.
const (
	firstPort = 10_240
	endPort   = 32_000
)

// freePort returns a port that was free a moment ago.
func freePort(tb testing.TB) int {
	tb.Helper()
	var err error
	for range 100 {
		port := firstPort + rand.IntN(endPort-firstPort)
		var l net.Listener
		if l, err = net.Listen("tcp4", local(port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatalf("redistest: %v", err)
	return 0
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
