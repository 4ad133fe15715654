package redistest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// slowlogVariable names a file. If it is set, every server appends its slowest
// commands to the file when its test ends: `make slowlog`.
const slowlogVariable = "REDISTEST_SLOWLOG"

// slowlogLines let a server remember each command that takes a millisecond.
func slowlogLines() []string {
	if os.Getenv(slowlogVariable) == "" {
		return nil
	}
	return []string{"slowlog-log-slower-than 1000", "slowlog-max-len 100"}
}

// saveSlowlog appends a line for each slow command: how long it took in
// microseconds, the test, the command. A server that does not answer, such as
// one that wants a password, is passed over.
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
		took, errTook := fields[2].AsInt64()
		args, errArgs := fields[3].AsStrSlice()
		if errTook == nil && errArgs == nil {
			fmt.Fprintf(&lines, "%d\t%s\t%.200q\n", took, tb.Name(), args)
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
