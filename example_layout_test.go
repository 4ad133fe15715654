package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Resident struct {
	Name   string    `redis:"name"`
	Active bool      `redis:"active"`
	Seen   time.Time `redis:"seen"`
	Home   struct {
		Street  string  `redis:"street"`
		Primary bool    `redis:"primary"`
		Zip     *string `redis:"zip"`
	} `redis:"address"`
}

// A Go service reads a user that a Python service wrote.
func ExampleLayout() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	redis, err := pools.Client(pool.User)
	if err != nil {
		log.Fatal(err)
	}
	python := redis.B().Hset().Key("acme:user:u:1").FieldValue().
		FieldValue("name", "1").
		FieldValue("active", "1").
		FieldValue("seen", "2024-05-06T07:08:09").
		FieldValue("address", `{"street": "Cra 7", "primary": "1", "zip": null}`)
	if err := redis.Do(ctx, python.Build()).Error(); err != nil {
		log.Fatal(err)
	}

	residents, err := symphony.NewUser[Resident](pools, "acme", symphony.Layout(keyspace.Python()))
	if err != nil {
		log.Fatal(err)
	}
	r, err := residents.Get(ctx, "u:1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q %v %v\n", r.Name, r.Active, r.Seen)
	fmt.Println(r.Home.Street, r.Home.Primary, r.Home.Zip)
	// Output:
	// "1" true 2024-05-06 07:08:09 +0000 UTC
	// Cra 7 true <nil>
}
