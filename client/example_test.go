package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/zabra/zabra/client"
)

func ExampleOpen() {
	ctx := context.Background()
	c, err := client.Open(ctx, "127.0.0.1:2181", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Create(ctx, "/greeting", []byte("hello")); err != nil && !errors.Is(err, client.ErrNodeExists) {
		log.Fatal(err)
	}
	data, stat, err := c.Get(ctx, "/greeting")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, version %d\n", data, stat.Version)
}

// Change a value that others change, too: read it, and write if nobody was quicker.
func ExampleClient_Set() {
	ctx := context.Background()
	c, err := client.Open(ctx, "127.0.0.1:2181", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for {
		data, stat, err := c.Get(ctx, "/list")
		if err != nil {
			log.Fatal(err)
		}
		_, err = c.Set(ctx, "/list", append(data, '!'), stat.Version)
		if errors.Is(err, client.ErrBadVersion) {
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		return
	}
}

// Follow everything below a node.
func ExampleClient_AddWatch() {
	ctx := context.Background()
	c, err := client.Open(ctx, "127.0.0.1:2181", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	w, err := c.AddWatch(ctx, "/config", true)
	if err != nil {
		log.Fatal(err)
	}
	for e := range w.C {
		if e.Type == client.EventGap {
			fmt.Println("something may have been missed: read everything again")
			continue
		}
		fmt.Println(e)
	}
}

func ExampleClient_Commit() {
	ctx := context.Background()
	c, err := client.Open(ctx, "127.0.0.1:2181", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Commit(ctx, new(client.Txn).
		Check("/leader", 3).
		Set("/state", []byte("ready"), client.AnyVersion).
		Create("/log/entry-", []byte("ready"), client.Sequential))
	if err != nil {
		log.Fatal(err)
	}
}
