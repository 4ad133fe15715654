package systemtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// childProcess is a process of this test binary that a test kills, as with
// kill -9, and starts again.
type childProcess struct {
	t       *testing.T
	test    string // the test that the process runs; it calls childSetting
	setting any    // what childSetting returns
	number  int
	log     *handlerLog // in which each death is noted; may be nil

	starts int
	cmd    *exec.Cmd
	stdin  io.Closer
}

const (
	childVariable     = "SYMPHONY_TEST_CHILD"
	childNameVariable = "SYMPHONY_TEST_CHILD_NAME"
)

func (c *childProcess) start() {
	c.starts++
	setting, err := json.Marshal(c.setting)
	require.NoError(c.t, err)
	c.cmd = exec.Command(os.Args[0], "-test.run=^"+c.test+"$")
	c.cmd.Env = append(os.Environ(), childVariable+"="+string(setting), childNameVariable+"="+c.name())
	stdin, err := c.cmd.StdinPipe()
	require.NoError(c.t, err)
	c.stdin = stdin
	require.NoError(c.t, c.cmd.Start())
}

// name differs for each start of each process.
func (c *childProcess) name() string { return fmt.Sprintf("%d.%d", c.number, c.starts) }

func (c *childProcess) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // the error reports the signal
	if c.log != nil {
		require.NoError(c.t, c.log.write(note{What: noteDeath, Process: c.name()}))
	}
}

// childSetting returns the setting and the name of the childProcess that runs
// the test, and a context that ends with the parent process. In other processes
// it skips the test.
func childSetting[S any](t *testing.T) (alive context.Context, setting S, name string) {
	t.Helper()
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("other tests run this in a child process")
	}
	require.NoError(t, json.Unmarshal([]byte(text), &setting))
	alive, stop := context.WithCancel(ctx)
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		stop()
		os.Exit(1)
	}()
	return alive, setting, os.Getenv(childNameVariable)
}

// openWhenReady opens pools on a server that may have just been killed.
func openWhenReady(ctx context.Context, url string) *pool.Pools {
	var p *pool.Pools
	for err := errors.New("the pools are not open yet"); err != nil; time.Sleep(10 * time.Millisecond) {
		p, err = pool.Open(ctx, pool.Config{URL: url, Timeout: 2 * time.Second})
	}
	return p
}

// killer kills child processes and their server, and starts them again.
type killer struct {
	server    *redistest.Instance
	processes []*childProcess
	pause     time.Duration // between two kills, on average
	restarts  int           // the most of the server; of child processes three times as many
}

// run starts the processes and produce. It kills until produce has returned and
// drained returns true. At the end no process is left.
func (k killer) run(t *testing.T, produce func(), drained func() bool) (kills, restarts int) {
	t.Helper()
	for _, c := range k.processes {
		c.start()
	}
	defer func() {
		for _, c := range k.processes {
			c.kill()
		}
	}()
	produced := make(chan struct{})
	go func() { produce(); close(produced) }()
	over := func() bool {
		select {
		case <-produced:
			return drained()
		default:
			return false
		}
	}
	deadline := time.Now().Add(15 * time.Minute)
	for i := 1; !over(); i++ {
		require.True(t, time.Now().Before(deadline), "the work was not done within 15 minutes")
		if i%4 == 0 && restarts < k.restarts {
			k.server.Kill()
			k.server.Restart(t)
			restarts++
		} else if kills < 3*k.restarts {
			c := k.processes[rand.N(len(k.processes))]
			c.kill()
			c.start()
			kills++
		}
		for end := time.Now().Add(k.pause/2 + rand.N(k.pause)); time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
	}
	return kills, restarts
}
