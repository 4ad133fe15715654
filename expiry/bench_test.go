package expiry_test

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkSet sets triggers with 32 callers at once. bench/triggers compares
// it with other libraries.
func BenchmarkSet(b *testing.B) {
	s := benchSchedule(b, pooltest.Redis(b, pool.Config{}))
	b.ReportAllocs()
	setInParallel(b, s, time.Hour)
}

func benchSchedule(b *testing.B, p *pool.Pools) *expiry.Schedule {
	b.Helper()
	s, err := expiry.NewSchedule(p, pool.Expiry, p.Layout().Trigger, "acme")
	require.NoError(b, err)
	return s
}

func setInParallel(b *testing.B, s *expiry.Schedule, after time.Duration) {
	b.Helper()
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Set(ctx, "x", strconv.FormatInt(n.Add(1), 10), after); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkDrain claims and acknowledges due triggers with 100 workers.
func BenchmarkDrain(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	setInParallel(b, benchSchedule(b, p), time.Millisecond)
	r := expiry.NewRegistry()
	running, stop := context.WithCancel(ctx)
	defer stop()
	var ran atomic.Int64
	require.NoError(b, r.On("x", func(context.Context, expiry.Event) error {
		if ran.Add(1) == int64(b.N) {
			stop()
		}
		return nil
	}))
	l, err := expiry.NewListener(p, r, expiry.Config{Workers: 100, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	require.NoError(b, l.Run(running))
	b.StopTimer()
	require.EqualValues(b, b.N, l.Stats().Succeeded)
}

// BenchmarkLongestScript measures the longest script while a million triggers
// are due, a sweep compares them, and a million dead letters are read. No other
// client waits longer than that for the server. The metric ms/longest comes
// from SLOWLOG.
func BenchmarkLongestScript(b *testing.B) {
	const n = 1_000_000
	p := pooltest.Redis(b, pool.Config{})
	do := func(args ...string) rueidis.RedisResult { return pooltest.Do(b, p, pool.Expiry, args...) }
	for b.Loop() {
		b.StopTimer()
		require.NoError(b, do("FLUSHALL").Error())
		fillSchedule(b, do, n)
		require.NoError(b, do("CONFIG", "SET", "slowlog-log-slower-than", "1000", "slowlog-max-len", "1000000").Error())
		require.NoError(b, do("SLOWLOG", "RESET").Error())
		b.StartTimer()
		drainSchedule(b, p, n)
		b.StopTimer()
		if calls := slowestCalls(b, do); len(calls) > 0 {
			b.ReportMetric(calls[0].took.Seconds()*1000, "ms/longest")
			b.Log(len(calls), "over a millisecond:", calls[:min(len(calls), 10)])
		}
		b.StartTimer()
	}
}

// fillSchedule writes n due triggers and n dead letters, each with a payload.
func fillSchedule(b *testing.B, do func(args ...string) rueidis.RedisResult, n int) {
	b.Helper()
	const script = `
local at = redis.call('TIME')[1] * 1000 - 10000
local ends = string.format('%.0f', at + 3600000)
for i = tonumber(ARGV[1]), tonumber(ARGV[1]) + 999 do
  local key, due = 'acme:EXPTRIGGER:x:' .. i, string.format('%.0f', at)
  redis.call('SET', key, 'trigger:2026-11-28T12:00:00;id=a' .. i .. ';due=' .. due .. ';exp=' .. ends, 'PXAT', ends)
  redis.call('ZADD', '%exp:due:x', due, key)
  redis.call('HSET', '%exp:payloads:x', '-|' .. key, '7:compact{"n":1}', due .. '|' .. key .. 'dead', '7:compact{"n":1}')
  redis.call('HSET', '%exp:status:x', due .. '|' .. key .. 'dead', '20 20 0 2 no')
  redis.call('ZADD', '%exp:dead:x', due, due .. '|' .. key .. 'dead')
end
return 1`
	for i := 0; i < n; i += 1000 {
		require.NoError(b, do("EVAL", script, "0", strconv.Itoa(i)).Error())
	}
}

// drainSchedule processes n triggers in the largest batches, and reads the dead
// letters.
func drainSchedule(b *testing.B, p *pool.Pools, n int64) {
	b.Helper()
	r := expiry.NewRegistry()
	running, stop := context.WithCancel(ctx)
	defer stop()
	var ran atomic.Int64
	finish := make(chan struct{})
	require.NoError(b, r.On("x", func(context.Context, expiry.Event) error {
		if ran.Add(1) == n {
			close(finish)
		}
		return nil
	}))
	l, err := expiry.NewListener(p, r, expiry.Config{Workers: 2000, Batch: 1000, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	go func() {
		defer stop()
		<-finish
		letters := 0
		for _, err := range l.Dead(ctx) {
			if err != nil {
				b.Error(err)
				return
			}
			letters++
		}
		b.Log("dead letters:", letters)
	}()
	require.NoError(b, l.Run(running))
	require.Equal(b, n, l.Stats().Succeeded)
	require.Zero(b, l.Stats().Invalid+l.Stats().Repaired)
}

// slowestCalls returns the calls in SLOWLOG, the longest first.
func slowestCalls(b *testing.B, do func(args ...string) rueidis.RedisResult) (calls []slowCall) {
	b.Helper()
	entries, err := do("SLOWLOG", "GET", "-1").ToArray()
	require.NoError(b, err)
	for _, entry := range entries {
		fields, err := entry.ToArray()
		require.NoError(b, err)
		us, err := fields[2].AsInt64()
		require.NoError(b, err)
		args, err := fields[3].AsStrSlice()
		require.NoError(b, err)
		calls = append(calls, slowCall{time.Duration(us) * time.Microsecond, strings.Join(args[:min(len(args), 12)], " ")})
	}
	slices.SortFunc(calls, func(x, y slowCall) int { return cmp.Compare(y.took, x.took) })
	return calls
}

type slowCall struct {
	took time.Duration
	args string
}
