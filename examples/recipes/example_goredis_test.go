package recipes_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Session is a struct of go-redis, as it is. go-redis wrote it with
//
//	rdb.HSet(ctx, "session:"+id, Session{...})
//
// and read it with HGetAll(...).Scan(&s). It stores a bool as 1 or 0 and a time
// as RFC 3339 with nanoseconds, as this library does.
type Session struct {
	User   string    `redis:"user"`
	Admin  bool      `redis:"admin"`
	Views  int64     `redis:"views"`
	Expiry time.Time `redis:"expiry"`
}

var views = hashrepo.NumberOf(func(s *Session) *int64 { return &s.Views })

// Moving from go-redis: the pattern of a repository is that of the keys that
// exist, so both libraries work on the same records until the last go-redis
// call is replaced.
func Example_goRedis() {
	ctx := context.Background()
	// The database that go-redis used is that of an alias of the program.
	const sessionsPool pool.Alias = "sessions"
	pools, err := embedded.Open(ctx, pool.Config{Databases: map[pool.Alias]int{sessionsPool: 0}})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("session:{id}").Bind()
	if err != nil {
		log.Fatal(err)
	}
	// KeepTTL: go-redis set the lifetimes, and a write shall not change them.
	sessions, err := hashrepo.New[Session](pools, sessionsPool, space, hashrepo.KeepTTL())
	if err != nil {
		log.Fatal(err)
	}

	// What go-redis has written.
	redis, err := pools.Client(sessionsPool)
	if err != nil {
		log.Fatal(err)
	}
	for _, cmd := range [][]string{
		{"HSET", "session:s1", "user", "alice", "admin", "1", "views", "41", "expiry", "2026-05-01T10:00:00.5Z"},
		{"EXPIRE", "session:s1", "3600"},
	} {
		if err := redis.Do(ctx, redis.B().Arbitrary(cmd...).Build()).Error(); err != nil {
			log.Fatal(err)
		}
	}

	// In place of HINCRBY and HGETALL: one step, which also checks the record.
	session, err := sessions.With(hashrepo.IfExists()).Merge(ctx, "s1", views.Add(1))
	if err != nil {
		log.Fatal(err)
	}
	left, err := sessions.TTL(ctx, "s1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.User, session.Admin, session.Views, session.Expiry.Format(time.DateTime), left > time.Minute)
	// Output: alice true 42 2026-05-01 10:00:00 true
}
