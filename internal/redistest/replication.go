package redistest

import (
	"context"
	"strconv"
	"strings"
	"testing"
)

// WaitForReplica waits until a replica has received everything that its primary
// had written when the call began.
func WaitForReplica(tb testing.TB, primary, replica *Instance) {
	tb.Helper()
	want := primary.admin(tb).offset("master_repl_offset")
	r := replica.admin(tb)
	if !waitFor(func() bool { return r.offset("slave_repl_offset") >= want }) {
		tb.Fatalf("redistest: the replica does not reach the offset %d of its primary:\n%s", want, r.do("INFO", "replication"))
	}
}

// IsPrimary reports whether a server replies and is a primary. It uses a new
// connection, because a failover closes existing ones.
func (s *Instance) IsPrimary() bool {
	client, err := s.dial(0)
	if err != nil {
		return false
	}
	defer client.Close()
	role, err := client.Do(context.Background(), client.B().Role().Build()).ToArray()
	if err != nil || len(role) == 0 {
		return false
	}
	name, err := role[0].ToString()
	return err == nil && name == "master"
}

func (a admin) offset(name string) int64 {
	a.tb.Helper()
	for line := range strings.Lines(a.do("INFO", "replication")) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return -1
}

// ChangesSinceSave returns how many changes of its data the server has made
// since it last saved them.
func (s *Instance) ChangesSinceSave(tb testing.TB) int64 {
	tb.Helper()
	a := s.admin(tb)
	for line := range strings.Lines(a.do("INFO", "persistence")) {
		if value, ok := strings.CutPrefix(line, "rdb_changes_since_last_save:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err == nil {
				return n
			}
		}
	}
	tb.Fatalf("redistest: INFO has no rdb_changes_since_last_save")
	return 0
}

// CommandCalls returns how many times the server has run a command. The name is
// in lower case.
func (s *Instance) CommandCalls(tb testing.TB, name string) int64 {
	tb.Helper()
	return CommandCalls(s.admin(tb).do("INFO", "commandstats"))[name]
}

// CommandCalls returns how many times each command was run, according to the
// reply to INFO commandstats. It leaves out the commands that connections send
// by themselves, when they open or while they are idle.
func CommandCalls(commandstats string) map[string]int64 {
	all := map[string]int64{}
	for line := range strings.Lines(commandstats) {
		name, fields, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		switch command, _, _ := strings.Cut(name, "|"); command {
		case "auth", "client", "hello", "info", "ping", "select":
			continue
		}
		count, _, _ := strings.Cut(fields, ",")
		if n, err := strconv.ParseInt(count, 10, 64); err == nil {
			all[name] = n
		}
	}
	return all
}
