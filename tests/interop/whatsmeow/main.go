// A whatsmeow client that a test drives: one JSON command a line on stdin, one JSON event a line
// on stdout.  whatsmeow itself is unmodified; it gets our address through a dialer and our root
// key through its exported variable.
//
//	whatsmeow-peer -addr 127.0.0.1:PORT -root HEX -db FILE
//
// Commands: connect | disconnect | code {phone} | send {to,text} | read {ids,from} | forget {user} | presence
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
)

type command struct {
	Do    string   `json:"do"`
	To    string   `json:"to"`
	From  string   `json:"from"`
	Text  string   `json:"text"`
	Phone string   `json:"phone"`
	User  string   `json:"user"`
	IDs   []string `json:"ids"`
}

var out sync.Mutex

func emit(event string, fields map[string]any) {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["event"] = event
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		emit("fatal", map[string]any{"error": err.Error()})
		os.Exit(1)
	}
}

// The client dials wss://web.whatsapp.com; the transport answers with a plain connection to the sandbox.
func sandboxHTTP(addr string) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DialTLSContext: dial}}
}

func onEvent(raw any) {
	switch e := raw.(type) {
	case *events.PairSuccess:
		emit("paired", map[string]any{"jid": e.ID.String(), "lid": e.LID.String()})
	case *events.PairError:
		emit("pair_error", map[string]any{"error": e.Error.Error()})
	case *events.Connected:
		emit("connected", nil)
	case *events.Disconnected:
		emit("disconnected", nil)
	case *events.LoggedOut:
		emit("logged_out", map[string]any{"reason": e.Reason.String()})
	case *events.StreamReplaced:
		emit("replaced", nil)
	case *events.Message:
		text := e.Message.GetConversation()
		if text == "" {
			text = e.Message.GetExtendedTextMessage().GetText()
		}
		emit("message", map[string]any{"id": e.Info.ID, "text": text, "from": e.Info.Sender.ToNonAD().String(),
			"fromAlt": e.Info.SenderAlt.ToNonAD().String(), "chat": e.Info.Chat.String(), "fromMe": e.Info.IsFromMe})
	case *events.Receipt:
		emit("receipt", map[string]any{"type": string(e.Type), "ids": e.MessageIDs, "from": e.Sender.String()})
	case *events.UndecryptableMessage:
		emit("undecryptable", map[string]any{"id": e.Info.ID})
	}
}

func onCommand(ctx context.Context, client *whatsmeow.Client, db *sql.DB, c command) error {
	switch c.Do {
	case "connect":
		if client.Store.ID == nil {
			codes, err := client.GetQRChannel(ctx)
			if err != nil {
				return err
			}
			go func() {
				for item := range codes {
					emit("qr", map[string]any{"kind": item.Event, "code": item.Code})
				}
			}()
		}
		return client.Connect()
	case "disconnect":
		client.Disconnect()
		return nil
	case "code":
		code, err := client.PairPhone(ctx, c.Phone, false, whatsmeow.PairClientChrome, "Chrome (Linux)")
		if err == nil {
			emit("code", map[string]any{"code": code})
		}
		return err
	case "send":
		to, err := types.ParseJID(c.To)
		if err != nil {
			return err
		}
		answer, err := client.SendMessage(ctx, to, &waE2E.Message{Conversation: proto.String(c.Text)})
		if err == nil {
			emit("sent", map[string]any{"id": answer.ID, "text": c.Text})
		}
		return err
	case "read":
		from, err := types.ParseJID(c.From)
		if err != nil {
			return err
		}
		return client.MarkRead(ctx, c.IDs, time.Now(), from, from)
	case "presence":
		return client.SendPresence(ctx, types.PresenceAvailable)
	case "forget": // loses its sessions, as after a restored backup
		_, err := db.ExecContext(ctx, "DELETE FROM whatsmeow_sessions")
		return err
	}
	return fmt.Errorf("unknown command %q", c.Do)
}

func main() {
	addr := flag.String("addr", "", "host:port of the sandbox")
	root := flag.String("root", "", "its Noise root key, hex")
	file := flag.String("db", "", "session database")
	flag.Parse()

	key, err := hex.DecodeString(*root)
	must(err)
	copy(whatsmeow.WACertPubKey[:], key)
	ctx := context.Background()
	db, err := sql.Open("sqlite3", "file:"+*file+"?_foreign_keys=on&_busy_timeout=5000")
	must(err)
	db.SetMaxOpenConns(1)
	container := sqlstore.NewWithDB(db, "sqlite3", waLog.Noop)
	must(container.Upgrade(ctx))
	device, err := container.GetFirstDevice(ctx)
	must(err)
	if device.PushName == "" {
		device.PushName = "whatsmeow peer"
	}
	var log waLog.Logger = waLog.Noop
	if os.Getenv("PEER_DEBUG") != "" {
		log = waLog.Stdout("wm", "DEBUG", false)
	}
	client := whatsmeow.NewClient(device, log)
	client.SetWebsocketHTTPClient(sandboxHTTP(*addr))
	client.SetPreLoginHTTPClient(sandboxHTTP(*addr))
	client.AddEventHandler(onEvent)

	emit("started", nil)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			emit("error", map[string]any{"do": "parse", "error": err.Error()})
			continue
		}
		go func() {
			if err := onCommand(ctx, client, db, c); err != nil {
				emit("error", map[string]any{"do": c.Do, "error": err.Error()})
			}
		}()
	}
	client.Disconnect()
}
