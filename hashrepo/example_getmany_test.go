package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Song struct {
	Title string `redis:"title"`
}

// GetMany returns the records in the order of the ids, in one round trip. It
// leaves out the ids that have no record.
func ExampleHashRepo_GetMany() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:song:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	songs, err := hashrepo.New[Song](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := songs.Upsert(ctx, "1", Song{Title: "Blue"}); err != nil {
		log.Fatal(err)
	}
	if err := songs.Upsert(ctx, "2", Song{Title: "River"}); err != nil {
		log.Fatal(err)
	}

	records, err := songs.GetMany(ctx, "2", "missing", "1")
	if err != nil {
		log.Fatal(err)
	}
	for _, record := range records {
		fmt.Println(record.ID, record.Value.Title)
	}
	// Output:
	// 2 River
	// 1 Blue
}
