package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test kills a test process that runs a server, so that Cleanup does not
// run. The server must end all the same.
func TestNothingOutlivesTheTestProcess(t *testing.T) {
	requireProgram(t)
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(self, "-test.run=^TestAsChild$", "-test.v")
	temp, err := os.MkdirTemp("", "redistest") // the child does not remove its files
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(temp) }()
	child.Env = append(os.Environ(), "REDISTEST_CHILD=1", "TMPDIR="+temp)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	in, err := child.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	require.NoError(t, child.Start())

	addr := ""
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		_, addr, _ = strings.Cut(lines.Text(), "serving ")
	}
	require.NotEmpty(t, addr)
	require.True(t, listens(addr))

	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.True(t, waitFor(func() bool { return !listens(addr) }), "the server outlives its test")
}

func TestAsChild(t *testing.T) {
	if os.Getenv("REDISTEST_CHILD") == "" {
		t.Skip("TestNothingOutlivesTheTestProcess runs this test in another process")
	}
	fmt.Printf("serving %s\n", Server(t).Addr())
	_, _ = os.Stdin.Read(make([]byte, 1)) // blocks until the parent ends, or this process is killed
}

func TestCleanupLeavesNothing(t *testing.T) {
	requireProgram(t)
	var s *Instance
	t.Run("a test", func(t *testing.T) {
		s = Server(t)
		require.True(t, listens(s.Addr()))
	})
	require.False(t, listens(s.Addr()))
	require.NoDirExists(t, s.dir)
}

func TestServersShareNothing(t *testing.T) {
	ports := map[int]bool{}
	for range 10 {
		s := Server(t)
		c := s.Client(t, 3)
		require.NoError(t, c.Do(t.Context(), c.B().Set().Key("key").Value("value").Nx().Build()).Error())
		ports[s.Port()] = true
	}
	require.Len(t, ports, 10)
}

func TestRestartKeepsPortAndData(t *testing.T) {
	s := Server(t, "appendonly yes", "appendfsync always")
	url := s.URL()
	c := s.Client(t, 0)
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key("key").Value("kept").Build()).Error())

	s.Kill()
	require.False(t, listens(s.Addr()))
	s.Kill() // does nothing
	s.Restart(t)
	require.Equal(t, url, s.URL())
	got, err := s.Client(t, 0).Do(t.Context(), c.B().Get().Key("key").Build()).ToString()
	require.NoError(t, err)
	require.Equal(t, "kept", got)
}

func TestFlushEmptiesEveryDatabase(t *testing.T) {
	s := Server(t)
	c := s.Client(t, 7)
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key("key").Value("value").Build()).Error())
	keyspace, err := c.Do(t.Context(), c.B().Info().Section("keyspace").Build()).ToString()
	require.NoError(t, err)
	require.Contains(t, keyspace, "db7:keys=1,")
	s.Flush(t)
	n, err := c.Do(t.Context(), c.B().Dbsize().Build()).ToInt64()
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestConfigurationsThatChangeHowToConnect(t *testing.T) {
	socket := filepath.Join(Server(t).dir, "other.sock")
	require.True(t, listens(Server(t, "requirepass secret").Addr()))
	require.True(t, listens(Server(t, "unixsocket "+socket).Addr()))
	require.True(t, ping(socket))
}

func TestPortTakenMeanwhile(t *testing.T) {
	var thief net.Listener
	tries := 0
	s := start(t, func(port int) []string {
		if tries++; tries == 1 {
			var err error
			thief, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
			require.NoError(t, err)
		}
		return dataLines(port)
	})
	defer func() { _ = thief.Close() }()
	require.Equal(t, 2, tries)
	require.NotEqual(t, thief.Addr().String(), s.Addr())
}

func TestMissingProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("-short skips before it looks for the program")
	}
	for _, test := range []struct {
		variable, value string
		fails           bool
	}{
		{"REDISTEST_REQUIRED", "", false},
		{"REDISTEST_REQUIRED", "0", false},
		{"REDISTEST_REQUIRED", "1", true},
		{"CI", "true", true},
		{"CI", "false", false},
		{"REDISTEST_SERVER", "/nowhere/valkey-server", true},
	} {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			for _, name := range []string{"CI", "REDISTEST_REQUIRED", "REDISTEST_SERVER"} {
				t.Setenv(name, "")
			}
			t.Setenv("PATH", t.TempDir())
			t.Setenv(test.variable, test.value)
			r := record(t, func(tb testing.TB) { Server(tb) })
			if test.fails {
				require.Contains(t, r.fatal, "redistest: ")
				require.Empty(t, r.skip)
			} else {
				require.Contains(t, r.skip, `"redis-server": executable file not found`)
				require.Empty(t, r.fatal)
			}
		})
	}
}

func TestOtherProgram(t *testing.T) {
	requireProgram(t)
	original, err := exec.LookPath(program())
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "other-server")
	require.NoError(t, os.Symlink(original, other))
	t.Setenv("REDISTEST_SERVER", other)
	require.Equal(t, other, Server(t).proc.cmd.Path)
}

func TestLogShowsOnlyOnFailure(t *testing.T) {
	requireProgram(t)
	good := record(t, func(tb testing.TB) { Server(tb) })
	require.Empty(t, good.logs)
	bad := record(t, func(tb testing.TB) {
		Server(tb)
		tb.Fatalf("as a test would")
	})
	require.Contains(t, bad.logs, "eady to accept connections")
}

func TestServerThatCannotStart(t *testing.T) {
	requireProgram(t)
	var s *Instance
	r := record(t, func(tb testing.TB) { s = Server(tb, "no-such-directive yes") })
	require.Contains(t, r.fatal, "the server ended with exit status 1")
	require.Contains(t, r.fatal, "no-such-directive", "the log contains the reason")
	require.Nil(t, s)
}

func listens(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// record runs f as a test, and records its outcome instead of reporting it.
func record(t *testing.T, f func(testing.TB)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := range r.cleanups {
				r.cleanups[len(r.cleanups)-1-i]()
			}
		}()
		f(r)
	}()
	<-done
	return r
}

type recorder struct {
	testing.TB
	skip, fatal, logs string
	cleanups          []func()
}

func (r *recorder) Cleanup(f func())             { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool                 { return r.fatal != "" }
func (r *recorder) Logf(format string, a ...any) { r.logs += fmt.Sprintf(format, a...) }
func (r *recorder) Skipf(format string, a ...any) {
	r.skip = fmt.Sprintf(format, a...)
	runtime.Goexit()
}
func (r *recorder) Fatalf(format string, a ...any) {
	r.fatal = fmt.Sprintf(format, a...)
	runtime.Goexit()
}

// Commands that a connection sends by itself are not counted.
func TestCommandCalls(t *testing.T) {
	require.Equal(t, map[string]int64{"get": 2, "config|get": 7}, CommandCalls(`# Commandstats
cmdstat_get:calls=2,usec=9,usec_per_call=4.50,rejected_calls=0,failed_calls=0
cmdstat_config|get:calls=7,usec=9,usec_per_call=4.50,rejected_calls=0,failed_calls=0
cmdstat_ping:calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0
cmdstat_client|setinfo:calls=3,usec=9,usec_per_call=4.50,rejected_calls=0,failed_calls=0
`))
}
