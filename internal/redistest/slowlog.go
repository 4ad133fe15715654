package redistest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// slowlogVariable is the environment variable with the name of a file. If it is
// set, every server appends its slowest commands to the file when its test
// ends. `make slowlog` sets it.
const slowlogVariable = "REDISTEST_SLOWLOG"

// slowlogLines returns the configuration with which a server records commands
// that take at least a millisecond.
func slowlogLines() []string {
	if os.Getenv(slowlogVariable) == "" {
		return nil
	}
	return []string{"slowlog-log-slower-than 1000", "slowlog-max-len 100"}
}

// saveSlowlog appends a line for each slow command: its duration in
// microseconds, the test and the command. If the server does not reply, or
// requires a password, saveSlowlog does nothing.
func (s *Instance) saveSlowlog(tb testing.TB) {
	path := os.Getenv(slowlogVariable)
	if path == "" || !s.running() {
		return
	}
	client, err := s.dial(0)
	if err != nil {
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	entries, err := client.Do(ctx, client.B().SlowlogGet().Count(-1).Build()).ToArray()
	if err != nil {
		return
	}
	var lines strings.Builder
	for _, entry := range entries {
		fields, err := entry.ToArray()
		if err != nil || len(fields) < 4 {
			continue
		}
		duration, errDuration := fields[2].AsInt64()
		args, errArgs := fields[3].AsStrSlice()
		if errDuration == nil && errArgs == nil {
			fmt.Fprintf(&lines, "%d\t%s\t%.200q\n", duration, tb.Name(), args)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Errorf("redistest: %s: %v", slowlogVariable, err)
		return
	}
	defer func() { _ = file.Close() }()
	if _, err := file.WriteString(lines.String()); err != nil {
		tb.Errorf("redistest: %s: %v", slowlogVariable, err)
	}
}

func (s *Instance) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc != nil
}
