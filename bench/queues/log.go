package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/contest"
)

// serverLog measures the commands of a server with its SLOWLOG, which holds
// all of them meanwhile.
type serverLog struct {
	c         rueidis.Client
	config    map[string]string // before
	processor time.Duration     // at the beginning
}

const (
	logFrom = "slowlog-log-slower-than"
	logSize = "slowlog-max-len"
)

func openLog(ctx context.Context, c rueidis.Client) (*serverLog, error) {
	l := &serverLog{c: c}
	var err error
	if l.config, err = c.Do(ctx, c.B().ConfigGet().Parameter("slowlog-*").Build()).AsStrMap(); err != nil {
		return nil, fmt.Errorf("the server must allow CONFIG: %w", err)
	}
	err = l.set(ctx, map[string]string{logFrom: "0", logSize: "4000000"})
	return l, err
}

func (l *serverLog) set(ctx context.Context, config map[string]string) error {
	return l.c.Do(ctx, l.c.B().ConfigSet().ParameterValue().
		ParameterValue(logFrom, config[logFrom]).ParameterValue(logSize, config[logSize]).Build()).Error()
}

// close restores the configuration. It works even if the context of the run has
// ended.
func (l *serverLog) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(l.set(ctx, l.config), l.reset(ctx))
}

func (l *serverLog) reset(ctx context.Context) error {
	return l.c.Do(ctx, l.c.B().SlowlogReset().Build()).Error()
}

func (l *serverLog) begin(ctx context.Context) error {
	usage, err := contest.UsageOf(ctx, l.c)
	if err != nil {
		return err
	}
	l.processor = usage.Processor
	return l.reset(ctx)
}

// end returns what the server did since begin, for each second of d.
func (l *serverLog) end(ctx context.Context, d time.Duration) (row looked, err error) {
	now, err := contest.UsageOf(ctx, l.c)
	if err != nil {
		return row, err
	}
	entries, err := l.c.Do(ctx, l.c.B().SlowlogGet().Count(-1).Build()).ToArray()
	if err != nil {
		return row, err
	}
	looks := 0
	for _, e := range entries {
		took, args, ok, err := readEntry(e)
		if err != nil {
			return row, err
		}
		if !ok {
			continue
		}
		row.all += took
		switch purposeOf(args) {
		case look:
			row.looking += took
			looks++
		case sweep:
			row.sweeping += took
		}
	}
	seconds := d.Seconds()
	per := func(t time.Duration) time.Duration { return time.Duration(float64(t) / seconds) }
	row.looks, row.processor = float64(looks)/seconds, per(now.Processor-l.processor)
	row.looking, row.sweeping, row.all = per(row.looking), per(row.sweeping), per(row.all)
	return row, nil
}

// readEntry returns the time and the words of a command. It reports false if a
// script sent the command, since the time of the script includes it.
func readEntry(e rueidis.RedisMessage) (took time.Duration, words []string, ok bool, err error) {
	fields, err := e.ToArray()
	if err != nil || len(fields) < 5 {
		return 0, nil, false, errors.Join(err, fmt.Errorf("an entry of SLOWLOG has %d fields, expected at least 5", len(fields)))
	}
	micros, errTook := fields[2].AsInt64()
	words, errWords := fields[3].AsStrSlice()
	from, errFrom := fields[4].ToString()
	return time.Duration(micros) * time.Microsecond, words, !strings.HasPrefix(from, "?"), errors.Join(errTook, errWords, errFrom)
}

// purpose is what the workers sent a command for.
type purpose int

const (
	work  purpose = iota // a queue that has work
	look                 // to find queues that have work
	sweep                // to find queues that other programs fill, and tenants without items
)

// purposeOf returns the purpose of a command by its keys. Enqueue adds tenants
// to the pending set, which is work.
func purposeOf(words []string) purpose {
	name := strings.ToUpper(words[0])
	first := 1
	if name == "EVALSHA" || name == "EVAL" {
		first = 3
	}
	switch {
	case name == "SCAN" || name == "SSCAN":
		return sweep
	case len(words) <= first || name == "SADD":
		return work
	case strings.HasSuffix(words[first], ":wait"):
		return look
	case !strings.Contains(words[first], "pending_batches:"):
		return work
	case len(words) > first+1 && strings.Contains(words[first+1], ":batch:"):
		return sweep
	}
	return look
}
