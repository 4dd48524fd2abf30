//! One run of the cloud, from its start to its end, and again when the user asks for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Cloud, Platform, StartError};
use http::StatusCode;
use tokio::sync::Notify;

use super::introduction::{Introduction, pretty};
use super::options::{RunOptions, next_port};
use super::parts::Parts;
use crate::browser;
use crate::callers::{Callers, Method, Signed, random_hex};
use crate::console::{Console, Routes};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::http_client;
use crate::keyboard::{Key, Keyboard};
use crate::loopback::Port;
use crate::report::{READY, check_trace};
use crate::running::{PrivateFile, RunningCloud};
use crate::stop_signal::StopSignal;
use crate::terminal::{Stream, Terminal};

/// How long children may take to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(PartialEq, Eq)]
enum End {
    Stop,
    Restart,
}

pub(super) async fn run(
    options: &RunOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    let mut keyboard = (!options.cloud.json && !options.once).then(Keyboard::start);
    // One for all runs, so that an open page goes on after a restart.
    let token = random_hex()?;
    let mut console_port = options.console_port;
    loop {
        let mut session = Session { options, environment, terminal, token: &token };
        let (end, port) = session.run(console_port, keyboard.as_mut()).await?;
        if end == End::Stop {
            return Ok(());
        }
        if !options.cloud.json {
            terminal.line("");
        }
        console_port = port;
    }
}

struct Session<'a> {
    options: &'a RunOptions,
    environment: &'a Environment,
    terminal: Terminal,
    token: &'a str,
}

impl Session<'_> {
    /// Runs the cloud once; also the port of its console.
    async fn run(
        &mut self,
        console_port: Option<u16>,
        keyboard: Option<&mut Keyboard>,
    ) -> Result<(End, Option<u16>), Failure> {
        let platform = self.options.first_platform()?;
        let mut stop = StopSignal::listen()?.or_end_of_stdin(self.options.cloud.stop_with_stdin);
        let (cloud, mut parts) = self.start(platform, console_port).await?;
        let cloud = Arc::new(cloud);
        let console_port = parts.console.as_ref().map(Port::number);
        let restart = Arc::new(Notify::new());
        let console = self.console(&cloud, &mut parts, &restart)?;
        let served = tokio::select! {
            // Checked first, so that a signal during a long start is heard.
            biased;
            () = stop.received() => Ok(End::Stop),
            () = restart.notified() => Ok(End::Restart),
            served = self.serve(platform, &cloud, &parts, console.as_ref(), keyboard) => served,
        };
        drop(console);
        let traced = check_trace(&cloud);
        let saved = match &served {
            // A restart begins anew, with the state that the file has.
            Ok(End::Restart) => Ok(()),
            Ok(End::Stop) | Err(_) => self.save(&cloud).await,
        };
        cloud.stop_functions(EXIT_TIMEOUT).await;
        traced.and(saved).and(served).map(|end| (end, console_port))
    }

    /// After a restart the ports are free in a moment.
    async fn start(
        &self,
        platform: Platform,
        console_port: Option<u16>,
    ) -> Result<(Cloud, Parts), Failure> {
        let mut attempts_left = 20_u32;
        loop {
            let parts = self.parts(console_port)?;
            let builder =
                self.options.builder(platform, self.environment, &parts, self.terminal)?;
            match builder.start().await {
                Ok(cloud) => return Ok((cloud, parts)),
                Err(StartError::PortTaken { .. })
                    if attempts_left > 0 && console_port.is_some() =>
                {
                    attempts_left = attempts_left.saturating_sub(1);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(Failure::start(&error)),
            }
        }
    }

    async fn save(&self, cloud: &Cloud) -> Result<(), Failure> {
        let Some(path) = self.options.state() else {
            return Ok(());
        };
        cloud.save_state(path).await.map_err(|error| {
            let path = path.display();
            Failure::Failed(format!("the state `{path}` cannot be written: {error}"))
        })
    }

    /// Callers and console, unless there is only one request.
    fn parts(&self, console_port: Option<u16>) -> Result<Parts, Failure> {
        let options = self.options;
        let (_, is_first) = options.methods();
        let callers = if options.once && !is_first { None } else { Some(Callers::start()?) };
        let callers = callers.map(Arc::new);
        let after_cos = next_port(options.cos_port());
        let second = Port::from(after_cos)?;
        let second_port = second.number();
        let console = match (options.once, console_port) {
            (true, _) => None,
            (false, Some(port)) => Some(Port::bind(port).map_err(|error| {
                Failure::Failed(format!(
                    "port {port} of 127.0.0.1 is not free: {error}; choose another with \
                     --console-port, or 0 for any free one"
                ))
            })?),
            (false, None) if after_cos == 0 => Some(Port::bind(0)?),
            (false, None) => Some(Port::from(next_port(second_port))?),
        };
        Ok(Parts::new(callers, console, second_port))
    }

    fn console(
        &self,
        cloud: &Arc<Cloud>,
        parts: &mut Parts,
        restart: &Arc<Notify>,
    ) -> Result<Option<Running>, Failure> {
        let (Some(port), Some(callers)) = (parts.console.take(), &parts.callers) else {
            return Ok(None);
        };
        let origin = port.origin();
        let (methods, _) = self.options.methods();
        let routes = Routes::new(
            cloud,
            &parts.activity,
            callers,
            methods,
            restart,
            self.options.grants_file(callers),
        );
        let console = Console::start(port, self.token, self.environment.sdk(), routes)?;
        let announced = self.environment.runtime_directory.announce(&RunningCloud {
            console_url: origin,
            cos_url: format!("http://{{Bucket}}.cos.localhost:{}", cloud.cos().address().port()),
            token: self.token.to_owned(),
            process: std::process::id(),
        });
        if let Err(error) = &announced {
            let text = "`cos-issuer token` and `cos-issuer request` will not find this cloud";
            self.terminal.remark(format_args!("{text}: {error}"));
        }
        Ok(Some(Running { console, file: announced.ok() }))
    }

    async fn serve(
        &self,
        platform: Platform,
        cloud: &Cloud,
        parts: &Parts,
        console: Option<&Running>,
        keyboard: Option<&mut Keyboard>,
    ) -> Result<End, Failure> {
        let (options, terminal) = (self.options, self.terminal);
        let is_json = options.cloud.json;
        let console_url = console.map(|running| running.console.url());
        let introduction = Introduction { options, platform, cloud, console_url, terminal };
        if !is_json {
            introduction.addresses();
        }
        self.wait_ready(cloud, parts).await?;
        if is_json {
            terminal.line(introduction.json());
            if !options.once {
                return std::future::pending().await;
            }
        }
        let first = self.first_credential(cloud, parts).await;
        if options.once {
            if !is_json && let Ok(body) = &first {
                introduction.whole_credential(body);
            }
            return first.map(|_| End::Stop).map_err(Failure::Failed);
        }
        match &first {
            Ok(body) => introduction.credential(body, &parts.activity),
            Err(refusal) => {
                terminal.line(format_args!("{refusal}\nThe local cloud keeps running."));
            }
        }
        terminal.line(READY);
        introduction.try_it(keyboard.as_ref().is_some_and(|keyboard| keyboard.is_there()));
        let Some(keyboard) = keyboard else {
            return std::future::pending().await;
        };
        self.keys(keyboard, &introduction, console).await
    }

    async fn wait_ready(&self, cloud: &Cloud, parts: &Parts) -> Result<(), Failure> {
        let ready = cloud.wait_each_ready().await;
        let printed = parts.startup_output();
        ready.map_err(|error| {
            for line in printed {
                self.terminal.function_output(&line, Stream::Error);
            }
            let text = match self.options.functions.is_empty() {
                true => format!("the function did not become ready: {}", error.error),
                false => error.to_string(),
            };
            Failure::Failed(format!("{text}; its output is above"))
        })
    }

    async fn keys(
        &self,
        keyboard: &mut Keyboard,
        introduction: &Introduction<'_>,
        console: Option<&Running>,
    ) -> Result<End, Failure> {
        let mut page: Option<PrivateFile> = None;
        loop {
            match keyboard.next().await {
                Key::Help => introduction.keys(),
                Key::Open => {
                    if let Some(running) = console {
                        let directory = &self.environment.runtime_directory;
                        match browser::open(running.console.url(), directory) {
                            Ok(file) => page = Some(file),
                            Err(error) => {
                                self.terminal.remark(format_args!("no browser opened: {error}"));
                            }
                        }
                    }
                }
                Key::Quit => return Ok(End::Stop),
                Key::Restart => {
                    drop(page);
                    return Ok(End::Restart);
                }
            }
        }
    }

    /// The body of `GET /sign`, or why there is no credential in it.
    async fn first_credential(&self, cloud: &Cloud, parts: &Parts) -> Result<Bytes, String> {
        let gateway = cloud.gateway_url().unwrap_or_default();
        let mut request = http::Request::get("/sign").body(Bytes::new());
        if let (([method, ..], Some(callers)), Ok(request)) =
            ((self.options.auth.as_slice(), &parts.callers), &mut request)
        {
            let value = authorization(callers, *method)?;
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
        }
        let request = request.map_err(|error| error.to_string())?;
        match http_client::send(&gateway, request).await {
            Ok(response) if response.status() == StatusCode::OK => Ok(response.into_body()),
            Ok(response) => Err(format!(
                "GET /sign was answered with HTTP {} instead of a credential:\n{}",
                response.status(),
                pretty(response.body())
            )),
            Err(error) => Err(format!("GET /sign got no response: {error}")),
        }
    }
}

fn authorization(callers: &Callers, method: Method) -> Result<http::HeaderValue, String> {
    let request = Signed { method: "GET", path: "/sign", query: &[], body: "" };
    let value = callers.authorization("user-1", method, &request)?;
    http::HeaderValue::from_str(&value).map_err(|error| error.to_string())
}

/// The console while it runs, and the file by which commands find it.
struct Running {
    console: Console,
    #[expect(dead_code, reason = "is removed when the console ends")]
    file: Option<PrivateFile>,
}
