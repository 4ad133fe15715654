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

type Subscriber struct {
	Email string `redis:"email,unique"`
	City  string `redis:"city,index"`
}

var subscriberKeys = keyspace.MustCompile("{tenant}:subscriber:{id}")

// Reindex adds the records of another program, or of an older version of this
// one, to the indexes.
func ExampleHashRepo_Reindex() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := subscriberKeys.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	subscribers, err := hashrepo.New[Subscriber](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	client, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	written := client.B().Hset().Key("acme:subscriber:7").FieldValue().FieldValue("email", "ann@example.com").FieldValue("city", "Oslo").Build()
	if err := client.Do(ctx, written).Error(); err != nil {
		log.Fatal(err)
	}

	var last hashrepo.Progress
	for progress, err := range subscribers.Reindex(ctx) {
		if err != nil {
			log.Print(err) // one record, or the end of the loop
		}
		last = progress
	}
	fmt.Printf("%+v\n", last)
	city := hashrepo.FieldOf(func(s *Subscriber) *string { return &s.City })
	found, err := subscribers.FindOne(ctx, city.Eq("Oslo"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.ID)
	// Output:
	// {Seen:1 Indexed:1 Removed:0}
	// 7
}

// Sweep removes entries whose records are gone. It is only needed where nothing
// is written any more.
func ExampleHashRepo_Sweep() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := subscriberKeys.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	subscribers, err := hashrepo.New[Subscriber](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := subscribers.Upsert(ctx, "7", Subscriber{Email: "ann@example.com", City: "Oslo"}); err != nil {
		log.Fatal(err)
	}
	client, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}
	// Another program deletes the record, and does not know the index.
	if err := client.Do(ctx, client.B().Del().Key("acme:subscriber:7").Build()).Error(); err != nil {
		log.Fatal(err)
	}

	removed, err := subscribers.Sweep(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed)
	// Output: 1
}
