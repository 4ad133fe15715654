package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Avatar struct {
	Name string   `redis:"name"`
	Tags []string `redis:"tags"`
}

// With Cached, a record is read from memory until Redis reports a change. A
// write of this process shows in the next read, through any repository. The
// embedded server has no client tracking, so here each Get reads from the
// server.
func ExampleCached() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:avatar:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	avatars, err := hashrepo.New[Avatar](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	cached := avatars.With(hashrepo.Cached(time.Minute))
	if err := avatars.Upsert(ctx, "a1", Avatar{Name: "Alice", Tags: []string{"new"}}); err != nil {
		log.Fatal(err)
	}

	alice, err := cached.Get(ctx, "a1")
	if err != nil {
		log.Fatal(err)
	}
	alice.Tags[0] = "mine" // a copy: no other caller sees it
	if err := avatars.UpdateField(ctx, "a1", "name", "Al"); err != nil {
		log.Fatal(err)
	}
	alice, err = cached.Get(ctx, "a1")
	fmt.Println(alice, err)
	// Output: {Al [new]} <nil>
}
