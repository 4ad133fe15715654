package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Page struct {
	Text    string `redis:"text"`
	Version int64  `redis:"version,version"`
}

var pageText = hashrepo.FieldOf(func(p *Page) *string { return &p.Text })

// With IfVersion, a write is applied only if the record still has the version
// that the caller has seen. Otherwise it returns ErrConflict.
func ExampleIfVersion() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:page:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	pages, err := hashrepo.New[Page](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := pages.Upsert(ctx, "p1", Page{Text: "first"}); err != nil {
		log.Fatal(err)
	}
	seen, err := pages.Get(ctx, "p1")
	if err != nil {
		log.Fatal(err)
	}
	if err := pages.Update(ctx, "p1", pageText.Set("somebody else's")); err != nil {
		log.Fatal(err)
	}

	_, err = pages.With(hashrepo.IfVersion(seen.Version)).Merge(ctx, "p1", pageText.Set("mine"))
	fmt.Println(errors.Is(err, hashrepo.ErrConflict))
	// Output: true
}
